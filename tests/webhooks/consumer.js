// A consumer of webhooks that leaves all judgement to the official library. HOOK_SECRET is its secret. Prints {"url": ...},
// then a line for each request: what the library made of it, or why it refused it.
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const hook = new Webhook(process.env.HOOK_SECRET);
const tell = (line) => console.log(JSON.stringify(line));

const server = createServer(async (request, response) => {
  const body = await buffer(request);
  const id = request.headers['webhook-id'];
  try {
    tell({ id, event: hook.verify(body, request.headers) });
    response.writeHead(204).end();
  } catch (error) {
    tell({ id, refused: error.message });
    response.writeHead(401).end();
  }
});

server.listen(0, '127.0.0.1', () => tell({ url: `http://127.0.0.1:${server.address().port}/` }));
