// A real authorization server (oidc-provider, certified) with its own login and consent pages, for the tests.
// Argument: the client's metadata as JSON. Prints {"issuer": ...}. What it answered so far is at /answered.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const client = JSON.parse(process.argv[2]);
const answered = [];
let answer;
console.info = console.warn; // its notices
const server = createServer((request, response) => answer(request, response));

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [client],
    cookies: { keys: ['only for tests'] },
    scopes: ['openid', 'offline_access'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
  });
  provider.use(async (context, next) => {
    if (context.path === '/answered') {
      context.body = answered;
      return;
    }
    // The pages ask Google for a font: nothing here may leave this machine.
    context.set('content-security-policy', "default-src 'self' 'unsafe-inline'");
    await next();
    answered.push({ method: context.method, path: context.path, status: context.status, body: { ...context.oidc?.body } });
  });
  answer = provider.callback();
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
