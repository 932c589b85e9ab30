"""The replicas' pages: pieces of JavaScript that ask for the user, for the code, and say no; put together by `app`."""

from __future__ import annotations

LIB = """
const Q = new URLSearchParams(location.search), root = document.getElementById('app');
let REQ = '', WHO = '', KIND = '';
const sleep = ms => new Promise(done => setTimeout(done, ms));
async function post(path, fields) {
  const reply = await fetch(path, {method: 'POST', headers: {'X-Kite-Version': '3.0.0'}, body: new URLSearchParams(fields)});
  let json = {};
  try { json = await reply.json(); } catch (e) {}
  return {ok: reply.ok && json.status !== 'error', code: reply.status, ...json};
}
async function signIn(user, password) {
  const r = await post('/api/login', {user_id: user, password});
  if (r.ok && r.data) { REQ = r.data.request_id; WHO = r.data.user_id; KIND = r.data.twofa_type; }
  return r;
}
const verify = (code, type = 'totp') =>
  post('/api/twofa', {user_id: WHO, request_id: REQ, twofa_value: code, twofa_type: type, skip_session: ''});
const leave = () => location.href = '/connect/finish?' + new URLSearchParams({api_key: Q.get('api_key'), sess_id: Q.get('sess_id')});
const one = (what, at = root) => at.querySelector(what);
const all = (what, at = root) => [...at.querySelectorAll(what)];
function onPress(el, act) { el.addEventListener('click', event => { event.preventDefault(); act(event); }); }
async function tryUser(user, password) {
  const r = await signIn(user, password);
  r.ok ? await askCode() : fail(r.message || 'Something is not right, please check.');
}
async function tryCode(code, type) {
  const r = await verify(code, type);
  r.ok ? leave() : fail(r.message || 'Something is not right, please check.');
}
"""

FAIL_TEXT = """
function fail(words) {
  let p = one('.oops') || root.appendChild(Object.assign(document.createElement('p'), {className: 'oops'}));
  p.textContent = words;
}
"""
FAIL_TOAST = """
function fail(words) {
  const t = Object.assign(document.createElement('div'), {className: 'snack', textContent: words});
  t.style.cssText = 'position:fixed;bottom:20px;right:20px;background:#333;color:#fff;padding:10px';
  document.body.appendChild(t); setTimeout(() => t.remove(), 2000);
}
"""
FAIL_ALERT = "function fail(words) { alert(words); }"
FAIL_SILENT = "function fail(words) { }"
FAIL_BLANK = (
    "function fail(words) { root.innerHTML = '<h2>' + words + '</h2><a href=/forgot>Forgot?</a>'; }"
)

# Asking for the user

USER_BARE = """
function askUser() {
  root.innerHTML = `<div class=b><div>User ID</div><div><input></div></div>
    <div class=b><div>Password</div><div><input type=password></div></div><div role=button tabindex=0 class=go>Proceed</div>`;
  const [u, p] = all('input');
  onPress(one('.go'), () => tryUser(u.value, p.value));
}
"""


def user_form(
    label="User ID", button="Login", *, extra="", password="Password", attributes="type=submit"
):
    """An ordinary form with labels."""
    return f"""
function askUser() {{
  root.innerHTML = `<form class=f><label>{label} <input name=u></label>
    <label>{password} <input name=p type=password></label>{extra}<button {attributes}>{button}</button></form>`;
  one('form').addEventListener('submit', event => {{ event.preventDefault(); tryUser(one('[name=u]').value, one('[name=p]').value); }});
  if ('{attributes}'.includes('type=button')) onPress(one('form button'), () => tryUser(one('[name=u]').value, one('[name=p]').value));
}}
"""


USER_FORM = user_form()
USER_POINTER = """
function askUser() {
  root.innerHTML = `<section><input placeholder="User ID"><input placeholder="Password" type=password>
    <div class=go style="cursor:pointer;background:#f60;padding:8px"><span>Sign in</span></div></section>`;
  const [u, p] = all('input');
  one('.go').addEventListener('click', () => tryUser(u.value, p.value));
}
"""
USER_COMPONENTS = """
class KField extends HTMLElement {
  connectedCallback() {
    this.attachShadow({mode: 'open'}).innerHTML =
      `<label><span>${this.getAttribute('text')}</span><input type="${this.getAttribute('kind') || 'text'}"></label>`;
  }
  get value() { return this.shadowRoot.querySelector('input').value; }
}
class KButton extends HTMLElement {
  connectedCallback() { this.attachShadow({mode: 'open'}).innerHTML = '<button><slot></slot></button>'; }
}
customElements.define('k-field', KField); customElements.define('k-button', KButton);
function askUser() {
  root.innerHTML = `<k-field text="User ID"></k-field><k-field text="Password" kind=password></k-field><k-button>Login</k-button>`;
  const [u, p] = all('k-field');
  one('k-button').addEventListener('click', () => tryUser(u.value, p.value));
}
"""
USER_SHADOW = """
class KLogin extends HTMLElement {
  connectedCallback() {
    const s = this.attachShadow({mode: 'open'});
    s.innerHTML = `<form><label for=a>User ID</label><input id=a><label for=b>Password</label><input id=b type=password>
      <button>Login</button><p class=msg></p></form>`;
    s.querySelector('form').addEventListener('submit', async event => {
      event.preventDefault();
      const r = await signIn(s.querySelector('#a').value, s.querySelector('#b').value);
      r.ok ? askCode() : s.querySelector('.msg').textContent = r.message;
    });
  }
}
customElements.define('k-login', KLogin);
function askUser() { root.innerHTML = '<k-login></k-login>'; }
"""


def user_disabled_until(listens="input"):
    """The button is enabled by what the fields' own events say."""
    return f"""
function askUser() {{
  root.innerHTML = `<form><label for=i1>User ID</label><input id=i1><label for=i2>Password</label><input id=i2 type=password>
    <button disabled>Login</button></form>`;
  const [u, p] = all('input'), b = one('button');
  const check = () => b.disabled = !(/^[A-Z]{{2}}\\d{{4}}$/i.test(u.value) && p.value.length > 5);
  for (const el of [u, p]) el.addEventListener('{listens}', check);
  one('form').addEventListener('submit', event => {{ event.preventDefault(); tryUser(u.value, p.value); }});
}}
"""


USER_TRAPS = """
function askUser() {
  root.innerHTML = `<form>
    <input type=text name=website tabindex=-1 autocomplete=off style="position:absolute;left:-9999px" aria-label="User ID">
    <input type=password name=fake style="display:none">
    <div style="height:0;overflow:hidden"><label>User ID <input name=user_id_2></label><input type=password name=pw2></div>
    <div style="position:absolute;clip:rect(0,0,0,0);width:1px;height:1px;overflow:hidden"><label>User ID<input name=hp></label></div>
    <div style="opacity:0;position:absolute;pointer-events:none"><label>User ID<input name=hp2></label></div>
    <label for=r1>User ID</label><input id=r1><label for=r2>Password</label><input id=r2 type=password><button>Login</button></form>`;
  one('form').addEventListener('submit', event => {
    event.preventDefault();
    if (['website', 'fake', 'user_id_2', 'pw2', 'hp', 'hp2'].some(n => one('[name=' + n + ']').value)) return void post('/trap', {});
    tryUser(one('#r1').value, one('#r2').value);
  });
}
"""
USER_BUSY_TOP = """
function askUser() {
  root.innerHTML = `<header><form role=search onsubmit="post('/search', {}); return false">
      <input type=search placeholder="Search stocks, user guides"><button>Search</button></form></header>
    <section class=news><h4>Newsletter</h4><form onsubmit="post('/news', {}); return false">
      <input type=email name=user_email placeholder="Email"><button>Subscribe</button></form></section>
    <main><h2>Login to Kite</h2><div><span>User ID</span><input></div><div><span>Password</span><input type=password></div>
      <div><button type=button class=go>Continue</button></div></main>`;
  onPress(one('main .go'), () => tryUser(one('main input').value, one('main [type=password]').value));
}
"""
USER_SIGNUP_FIRST = """
function askUser() {
  root.innerHTML = `<form class=su><h3>Open a free account</h3><label>User ID <input name=n></label>
      <label>Password <input type=password autocomplete=new-password></label><button>Open account</button></form>
    <form class=li><h3>Already a client?</h3><label>User ID <input></label><label>Password <input type=password></label>
      <button>Login</button></form>`;
  one('.su').addEventListener('submit', event => { event.preventDefault(); post('/signup', {}); });
  one('.li').addEventListener('submit', event => {
    event.preventDefault(); tryUser(one('.li input').value, one('.li [type=password]').value); });
}
"""
USER_TABS = """
function askUser() {
  root.innerHTML = `<div><button type=button>Sign in</button><button type=button>Sign up</button></div>
    <form class=li><input placeholder="User ID"><input type=password placeholder="Password"><button type=submit>Sign in</button></form>
    <form class=su hidden><input placeholder="User ID"><input type=password placeholder=Password><button>Create</button></form>`;
  one('.li').addEventListener('submit', event => {
    event.preventDefault(); tryUser(one('.li input').value, one('.li [type=password]').value); });
}
"""
USER_WELCOME = """
function askUser() {
  root.innerHTML = `<form><img alt=""><h2>Welcome back, QX7731</h2><a href="#" class=x>Not you?</a>
    <label>Password <input type=password></label><button>Login</button></form>`;
  onPress(one('.x'), () => post('/wrong-turn', {}));
  one('form').addEventListener('submit', event => { event.preventDefault(); tryUser('QX7731', one('[type=password]').value); });
}
"""
USER_WELCOME_OTHER = (
    USER_FORM.replace("askUser", "askBoth")
    + """
function askUser() {
  root.innerHTML = `<div><h2>Welcome back, ZZ0099</h2><p>Not you? <span class=x role=link tabindex=0>Change user</span></p>
    <label>Password <input type=password></label><button class=go>Login</button></div>`;
  onPress(one('.x'), askBoth);
  onPress(one('.go'), () => tryUser('ZZ0099', one('[type=password]').value));
}
"""
)
USER_PREFILLED = (
    USER_FORM
    + "const plain = askUser; askUser = () => { plain(); one('[name=u]').value = 'ZZ0099'; };"
)
USER_TWO = """
function askUser() {
  root.innerHTML = `<div class=s><h3>Login to your account</h3><span>User ID</span><input type=text><button>Next</button></div>`;
  onPress(one('button'), async () => {
    const user = one('input').value;
    one('button').disabled = true; await sleep(300);
    root.innerHTML = `<div class=s><span>${user}</span><span>Password</span><input type=password><button>Continue</button></div>`;
    onPress(one('button'), () => tryUser(user, one('input').value));
  });
}
"""
USER_REDESIGN = """
function askUser() {
  root.innerHTML = `<article class="x9a"><div class="kk1"><div class="zz"><span class="l0">Kite user ID</span>
    <div class="w2"><input class="q7" data-x=1></div></div><div class="zz"><span class="l0">Your password</span>
    <div class="w2"><input class="q7" type=password data-x=2><button type=button class=eye>Show</button></div></div></div>
    <footer><a class=t>Forgot user ID or password?</a><button type=button class=pri>Log in</button></footer></article>`;
  const [u, p] = all('input');
  onPress(one('.pri'), () => tryUser(u.value, p.value));
}
"""
USER_HINDI = user_form("उपयोगकर्ता आईडी", "लॉग इन करें", password="पासवर्ड").replace(
    "name=u>", "name=u autocomplete=username>"
)
USER_TAMIL = user_form("பயனர் ஐடி", "உள்நுழைக", password="கடவுச்சொல்")
USER_NONE = "function askUser() { root.innerHTML = '<h2>Kite is better in the app</h2><button>Get the app</button>'; }"
USER_TWINS = """
function askUser() {
  const f = `<form><label>User ID <input></label><label>Password <input type=password></label><button>Login</button></form>`;
  root.innerHTML = '<div>' + f + '</div><div>' + f + '</div>';
  all('form').forEach(form => form.addEventListener('submit', event => {
    event.preventDefault(); tryUser(one('input', form).value, one('[type=password]', form).value); }));
}
"""
USER_TWO_BOXES = """
function askUser() {
  root.innerHTML = `<form><label>User ID <input></label><label>Client ID <input></label>
    <label>Password <input type=password></label><button>Login</button></form>`;
  one('form').addEventListener('submit', event => {
    event.preventDefault(); tryUser(one('input').value, one('[type=password]').value); });
}
"""

# Asking for the code


def code_box(
    attributes="type=tel maxlength=6",
    label="External TOTP",
    button="Continue",
    *,
    auto="",
    delay=0,
    once=True,
):
    """One box and a button; `auto` is the event on whose sixth digit it sends itself."""
    guard = "if (sent) return; sent = true;" if once else ""
    answered = "sent = false;" if not auto else ""
    return f"""
function askCode() {{
  root.innerHTML = `<form autocomplete=off><div><span class=t>{label}</span><input {attributes}></div><button>{button}</button></form>`;
  let sent = false;
  const box = one('input'), send = async () => {{ {guard} await tryCode(box.value); {answered} }};
  one('form').addEventListener('submit', event => {{ event.preventDefault(); send(); }});
  if ('{auto}') box.addEventListener('{auto}', () => {{ if (box.value.length === 6) setTimeout(send, {delay}); }});
}}
"""


CODE_BOX = code_box()
CODE_BARE = """
function askCode() {
  root.innerHTML = `<div><div>TOTP</div><input></div><div role=button class=go>Verify</div>`;
  onPress(one('.go'), () => tryCode(one('input').value));
}
"""
CODE_COMPONENT = (
    USER_COMPONENTS.split("function askUser", maxsplit=1)[0]
    + """
function askCode() {
  root.innerHTML = `<k-field text="External TOTP" kind=tel></k-field><k-button>Continue</k-button>`;
  one('k-button').addEventListener('click', () => tryCode(one('k-field').value));
}
"""
)


def code_six(kind="text", limit="maxlength=1", *, auto=True):
    """Six boxes; typing moves the focus on."""
    return f"""
function askCode() {{
  root.innerHTML = '<h3>Enter your TOTP</h3><div class=row>' + '<input type={kind} {limit} inputmode=numeric>'.repeat(6) + '</div><button>Verify</button>';
  const boxes = all('.row input');
  let sent = false;
  const send = () => {{ if (!sent) {{ sent = true; tryCode(boxes.map(b => b.value).join('')); }} }};
  boxes.forEach((box, i) => box.addEventListener('input', () => {{
    box.value = box.value.slice(-1);
    if (box.value && i < 5) boxes[i + 1].focus();
    if ({str(auto).lower()} && boxes.every(b => b.value)) send();
  }}));
  onPress(one('button'), send);
  boxes[0].focus();
}}
"""


CODE_CHOICE = """
function askCode() {
  if (KIND === 'totp') return askTotp();
  root.innerHTML = `<form><label>Mobile App Code <input type=number maxlength=6></label><button>Continue</button>
    <p><a href="#" class=prob>Problem with Mobile App Code?</a></p></form>`;
  one('form').addEventListener('submit', event => { event.preventDefault(); tryCode(one('input').value, 'app_code'); });
  onPress(one('.prob'), () => {
    root.innerHTML = `<h3>Choose another way</h3><ul><li class=o1 style="cursor:pointer">SMS/Email OTP</li>
      <li class=o2 style="cursor:pointer">External TOTP</li></ul>`;
    one('.o1').addEventListener('click', () => post('/sms', {}));
    one('.o2').addEventListener('click', askTotp);
  });
}
"""
CODE_AFTER_CHOICE = CODE_BOX.replace("askCode", "askTotp")
CODE_CHOICE_RADIO = """
function askCode() {
  root.innerHTML = `<div><span>Mobile App Code</span><input type=tel maxlength=6><button class=c>Continue</button>
    <button class=prob type=button>Problem with Mobile App Code?</button></div>`;
  onPress(one('.c'), () => tryCode(one('input').value, 'app_code'));
  onPress(one('.prob'), () => {
    root.innerHTML = `<div class=opts><div role=option tabindex=0 class=o1>Get an SMS</div>
      <div role=option tabindex=0 class=o2>Use TOTP from an authenticator app</div></div>`;
    onPress(one('.o1'), () => post('/sms', {})); onPress(one('.o2'), askTotp);
  });
}
"""
CODE_SMS = """
function askCode() {
  root.innerHTML = `<form><p>We sent a code to 98xxxxxx10</p><label>SMS OTP <input type=tel maxlength=6></label><button>Continue</button>
    <a href="#" class=r>Resend OTP</a></form>`;
  one('form').addEventListener('submit', event => { event.preventDefault(); tryCode(one('input').value, 'sms'); });
  onPress(one('.r'), () => post('/sms', {}));
}
"""
CODE_SWAP = """
async function askCode() {
  const old = root.firstElementChild;
  const fresh = document.createElement('form');
  fresh.innerHTML = '<label>External TOTP <input type=number placeholder="••••••" maxlength=6></label><button>Continue</button>';
  fresh.style.cssText = 'transform:translateX(400px);transition:transform .6s;display:block';
  root.appendChild(fresh);
  let sent = false;
  fresh.addEventListener('submit', event => { event.preventDefault(); if (!sent) { sent = true; tryCode(one('input', fresh).value); } });
  await sleep(20); fresh.style.transform = 'none'; old.style.cssText = 'transition:opacity .6s;opacity:.2';
  await sleep(700); old.remove();
}
"""


def code_beside(hide):
    """The old form stays in the page, hidden in some way."""
    return f"""
function askCode() {{
  const old = root.firstElementChild;
  ({hide})(old);
  const fresh = root.appendChild(document.createElement('div'));
  fresh.innerHTML = '<div>External TOTP</div><input type=text inputmode=numeric maxlength=6><button type=button>Continue</button>';
  onPress(one('button', fresh), () => tryCode(one('input', fresh).value));
}}
"""


CODE_SPINNER = """
async function askCode() {
  root.innerHTML = `<form><label>External TOTP <input type=text maxlength=6></label><button>Continue</button></form>`;
  const veil = Object.assign(document.createElement('div'), {className: 'veil', textContent: 'Loading'});
  veil.style.cssText = 'position:fixed;inset:0;background:#fffc;z-index:9'; document.body.appendChild(veil);
  const box = one('input'); box.disabled = true;
  one('form').addEventListener('submit', event => { event.preventDefault(); document.body.appendChild(veil); tryCode(box.value); });
  await sleep(1500); veil.remove(); box.disabled = false;
}
"""

BANNER = """<div style="position:fixed;bottom:0;left:0;right:0;height:85%;background:#eee;z-index:99"><p>We use cookies</p>
<button onclick="this.parentNode.remove()">Accept all</button> <button>Manage</button></div>"""
MODAL_DIALOG = """<dialog id=promo><h3>Trade with zero brokerage</h3><button onclick="promo.close()">Maybe later</button></dialog>
<script>promo.showModal()</script>"""
MODAL_DIV = """<div role=dialog aria-modal=true class=m style="position:fixed;inset:0;background:#000a;z-index:99">
<div style="margin:80px auto;width:300px;background:#fff"><h3>New: Kite 4</h3><input type=email placeholder="Your email">
<button>Notify me</button><button onclick="document.querySelector('.m').remove()">&times;</button></div></div>"""
BEFOREUNLOAD = """<script>addEventListener('click', () => addEventListener('beforeunload', event => { event.preventDefault(); event.returnValue = 'x'; }));
</script>"""
CAPTCHA_FRAME = '<iframe title="reCAPTCHA" src="/note/recaptcha/api2" width=304 height=78></iframe>'
CAPTCHA_TURNSTILE = '<div class="cf-turnstile" style="width:300px;height:65px">Verify</div>'
CAPTCHA_IMAGE = (
    '<img alt="captcha" width=120 height=40><input name=captcha placeholder="Enter the text above">'
)
CAPTCHA_WORDS = "<body><h2>One moment</h2><p>Please verify you are human to continue</p><button>I am human</button></body>"


def clears(what, after_ms=4000):
    """A challenge that goes away by itself."""
    return f"<div id=ch>{what}</div><script>setTimeout(() => document.getElementById('ch').remove(), {after_ms})</script>"


def app(
    user=USER_FORM, code=CODE_BOX, fail=FAIL_TEXT, *, before="", start="askUser()", title="Kite"
):
    """A page of these pieces; `start` is the script that begins."""
    scripts = f"{LIB}{fail}{user}{code}"
    if user.startswith("\nclass KField") and code.startswith("\nclass KField"):
        scripts = f"{LIB}{fail}{user}{code.split('customElements.define', 1)[1].split(';', 2)[2]}"
    return f"""<!doctype html><html><head><meta charset=utf-8><title>{title}</title></head>
<body>{before}<div id=app></div><script>{scripts}{start}</script></body></html>"""


PLAIN = app()


def late(seconds, **pieces):
    """The page draws itself after a while."""
    return app(
        start=f"root.innerHTML = '<p>Loading</p>'; setTimeout(askUser, {int(seconds * 1000)})",
        **pieces,
    )


def other(path):
    """Any other page of the site."""
    return f"<title>{path}</title><p>Nothing here"


def form_login(sess="", error=""):
    """A page without scripts; `sess` empty: it is the first one, and takes it from its address."""
    start = (
        ""
        if sess
        else "<script>document.forms[0].sess.value = new URLSearchParams(location.search).get('sess_id')</script>"
    )
    said = f"<div class=flash>{error}</div>" if error else ""
    return f"""<!doctype html><title>Login</title><h1>Login</h1>{said}<form method=post action=/session/form>
<input type=hidden name=sess value="{sess}"><table><tr><td>User ID<td><input name=user_id><tr><td>Password<td>
<input type=password name=password></table><input type=submit value=Login></form>{start}"""


def form_code(sess, error=""):
    """The same for the code."""
    said = f"<div class=flash>{error}</div>" if error else ""
    return f"""<!doctype html><title>Two factor</title><h1>Two factor</h1>{said}<form method=post action=/session/code>
<input type=hidden name=sess value="{sess}"><table><tr><td>TOTP<td><input name=twofa_value maxlength=6></table>
<input type=submit value=Continue></form>"""


def consent(button="<button>Authorize</button>"):
    """The page of a first use; the pressed thing posts."""
    return f"""<!doctype html><title>Authorize</title><body><h2>replica wants to use your account</h2><div class=c>{button}</div>
<a href=/note/cancel>Cancel</a><script>
const q = new URLSearchParams(location.search);
document.querySelector('.c > *').addEventListener('click', () => {{
  const f = document.createElement('form'); f.method = 'post'; f.action = '/connect/finish';
  for (const [n, v] of [['sess_id', q.get('sess_id')], ['api_key', q.get('api_key')], ['authorize', 'p1']]) {{
    const i = document.createElement('input'); i.type = 'hidden'; i.name = n; i.value = v; f.appendChild(i); }}
  document.body.appendChild(f); f.submit();
}});
</script>"""
