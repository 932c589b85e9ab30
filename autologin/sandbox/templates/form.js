"use strict";
// What the scenarios can change: look, screens, late, sends_itself, captcha, signup.
const config = JSON.parse(document.getElementById("config").textContent);
const [user, password, code] = config.fields;
const root = document.getElementById("root");
const later = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

function h(tag, attrs = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A field: with a label, with a placeholder only, or after a redesign with other ids and classes
function field(shown, number) {
  const fresh = config.look === "fresh";
  const attrs = { id: fresh ? `x${number}` : config.look === "ambiguous" ? "" : shown.id, class: fresh ? "q" : "field", type: shown.type };
  if (shown === code) Object.assign(attrs, { maxlength: 6, inputmode: "numeric" });
  if (config.look === "placeholders") return [h("input", { ...attrs, id: `p${number}`, placeholder: shown.label })];
  const input = h("input", { ...attrs, id: attrs.id || `f${number}`, placeholder: attrs.id ? undefined : shown.label });
  return [h("label", { for: input.id }, shown.label), input];
}

function show(screen) {
  const wanted = { all: [user, password, code], password: [user, password], code: [code] }[screen];
  const order = config.look === "fresh" ? [...wanted].reverse() : wanted;
  const parts = order.flatMap((shown) => field(shown, config.fields.indexOf(shown)));
  if (config.look === "ambiguous") parts.push(...field(password, 7));
  const alert = h("p", { role: "alert" });
  const send = h("button", { type: "submit" }, config.button);
  const form = h("form", {}, ...parts, alert, send);
  const inputs = [...form.querySelectorAll("input")];
  const values = () => Object.fromEntries(order.map((shown, index) => [["user", "password", "code"][config.fields.indexOf(shown)], inputs[index].value]));
  let busy = false;
  const submit = async () => {
    if (busy) return;
    busy = true;
    send.disabled = true;
    alert.textContent = "";
    const body = JSON.stringify({ visit: config.visit, ...values() });
    let reply = { stat: "Not_Ok", emsg: "Something went wrong" };
    try {
      reply = await (await fetch(`/session/${screen}`, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    } catch { /* no answer, or no JSON */ }
    if (reply.url) { location.href = reply.url; return; }
    busy = send.disabled = false;
    if (reply.next) { show(reply.next); return; }
    alert.textContent = reply.emsg;
    if (screen !== "password") inputs[order.indexOf(code)].value = "";
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  if (config.sends_itself && screen === "code") inputs[0].addEventListener("input", () => inputs[0].value.length === 6 && submit());
  root.replaceChildren(h("h1", {}, "Sign in"), form);
}

// A form for strangers, which asks for a code too
function signup() {
  const made = h("form", {}, h("h2", {}, "Open an account"), h("input", { type: "tel", placeholder: "Mobile number" }), h("input", { placeholder: "OTP" }), h("button", {}, "Sign up"));
  made.addEventListener("submit", (event) => { event.preventDefault(); fetch("/signup", { method: "POST" }); });
  root.before(made);
}

(async () => {
  if (config.signup) signup();
  await later(config.delay + (config.late ?? 0));
  if (config.look === "empty") { root.replaceChildren(h("h1", {}, "Welcome")); return; }
  if (config.captcha) { root.replaceChildren(h("p", {}, "Please confirm that you are not a robot"), h("iframe", { src: "/recaptcha/anchor", title: "reCAPTCHA" })); return; }
  show(config.screens === "two" ? "password" : "all");
})();
