// ICICI's calls, whose answers are pieces of HTML; the password in RSA; the terms; and the dialogs that say no.

// RSA, PKCS #1 v1.5, as the page's library does it

function publicKey() {
  if (config.kind === "hidenc") return config.key.split("~").map((part) => BigInt(`0x${part}`));
  const der = [...atob(config.key.replace(/-----[^-]+-----|\s/g, ""))].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const modulus = der.indexOf("02818100") + 8;
  return [65537n, BigInt(`0x${der.slice(modulus, modulus + 256)}`)];
}

function power(base, exponent, modulus) {
  let result = 1n;
  for (let rest = exponent, at = base % modulus; rest; rest >>= 1n, at = (at * at) % modulus) if (rest & 1n) result = (result * at) % modulus;
  return result;
}

function encrypted(words) {
  const bytes = [...new TextEncoder().encode(words)];
  const padding = [...crypto.getRandomValues(new Uint8Array(128 - 3 - bytes.length))].map((byte) => byte || 1);
  const block = [0, 2, ...padding, 0, ...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const [exponent, modulus] = publicKey();
  const hex = power(BigInt(`0x${block}`), exponent, modulus).toString(16).padStart(256, "0");
  return config.kind === "hidenc" ? hex : btoa(String.fromCharCode(...hex.match(/../g).map((pair) => parseInt(pair, 16))));
}

// The calls

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

async function call(path, data) {
  try {
    const headers = { "x-requested-with": "XMLHttpRequest" };
    const response = await fetch(`/apiuser/tradelogin/${path}`, { method: "POST", headers, body: new URLSearchParams(data) });
    return response.ok ? await response.text() : `<span id="otperr">${text.broken}</span>`;
  } catch {
    return `<span id="otperr">${text.broken}</span>`;
  }
}

function refused(words) {
  if (config.says_no === "dialog") alert(words);
  return { error: config.says_no === "text" ? words : "" };
}

async function post(screen, values) {
  return screen === "login" ? sendPassword(values) : sendCode(values.code);
}

async function sendPassword({ user, password }) {
  if (page.terms !== "none" && !box.checked) {
    alert(text.must_accept);
    return { error: "" };
  }
  const html = await call("getotp", { txtuid: user, txtPass: "************", hidp: encrypted(password), chkssTnc: "Y", hidredurl: "", hiddob: "" });
  const answer = parsed(html);
  if (answer.querySelector("#pnlOTP")) {
    given.panel = answer.querySelector("#pnlOTP");
    return { next: "otp" };
  }
  const picture = answer.querySelector("#dvcaptcha");
  if (picture) document.querySelector("[data-page]").append(h("div", { id: "dvgetotp" }, picture, h("input", { id: "txtcaptcha", placeholder: "captcha" })));
  return picture || html.trim() === "SHWCAP" ? { error: "" } : refused(answer.body.textContent.trim());
}

async function sendCode(code) {
  if (code.length < 6) {
    alert(text.needs_code);
    return { error: "" };
  }
  if (config.posts) return { form: h("form", { method: "post", action: "/apiuser/tradelogin/validateuser" }, h("input", { type: "hidden", name: "hiotp", value: code })) };
  const known = (id) => given.panel.querySelector(id).value;
  const answer = parsed(await call("validateuser", { hiotp: code, hitk: known("#hitk"), hiistotp: known("#hiistotp") }));
  if (answer.querySelector("form")) return { form: answer.querySelector("form") };
  if (!answer.querySelector("#otperr")) return { next: "answered", nodes: [...answer.body.childNodes] };
  const no = refused(answer.body.textContent.trim());
  return { panel: { next: "otp" }, login: { next: "login" } }[config.after_no] ?? no;
}

// The screens

let box, twins = 0;
open = (name) => name !== "login" || page.terms !== "enable" || Boolean(box?.checked);

screens.login = () => {
  const plain = config.screens.login;
  const fields = [...plain.fields, ...(page.dob ? [{ name: "dob", input: { type: "text", id: "txtdob" } }] : [])];
  box = h("input", { type: "checkbox", id: "chkssTnc", value: "Y", onchange: () => dispatchEvent(new Event("captcha-passed")) });
  if (page.terms === "custom") styled("offstage", box);
  box.checked = page.terms === "ticked";
  const made = form("login", { ...plain, fields });
  // Two forms with the same ids: a label that named one would belong to the first form's field
  if (page.layout === "two_forms") {
    made.querySelectorAll("label").forEach((label) => label.removeAttribute("for"));
    made.querySelectorAll("input").forEach((input) => { input.name = `${input.id}_${twins}`; });
    twins += 1;
  }
  const terms = h("div", { class: "terms" }, box, h("label", { for: "chkssTnc" }, text.terms));
  if (page.terms !== "none") made.querySelector("[type=button]").before(terms);
  return [h("div", { id: "dvloginmain" }, made)];
};

screens.otp = () => {
  const totp = given.panel.querySelector("#hiistotp").value === "Y";
  text.heading = page.words === "plain" ? text.plain : totp ? text.totp : given.panel.dataset.words || text.plain;
  const intro = [["h2", "heading"], ...(page.words === "plain" || !totp ? [] : [["p", "enter_totp"]])];
  return [h("div", { id: "dvgetotp" }, form("otp", { ...config.screens.otp, intro }))];
};

screens.answered = ({ nodes }) => nodes;

function frame() {
  const root = h(page.one_form ? "form" : "div", { id: "root" }, title, body);
  if (page.one_form) root.onsubmit = (event) => event.preventDefault();
  return root;
}

if (config.said && config.says_no !== "text") {
  const words = config.said;
  delete config.said;
  if (config.says_no === "dialog") later(0.1).then(() => alert(words));
}
