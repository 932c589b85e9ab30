"use strict";
// What the scenarios can change is in `page`.
const config = JSON.parse(document.getElementById("config").textContent);
const page = {
  lang: "en", look: "classic", layout: "one", style: "forms", fields: "labels", otp: "one", autosubmit: false, late: 0, delay: 0,
  ...config.page,
};
const text = TEXTS[page.lang];
const fresh = page.look === "fresh";
const NAMES = { username: "f1", password: "f2", otp: "f3", terms: "f4" };
const later = (seconds) => new Promise((done) => (seconds ? setTimeout(done, seconds * 1000) : done()));
let user = config.user;

function h(tag, attrs = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A field: with a label, with a placeholder only, or with nothing but an id
function field(name, label, attrs, bare) {
  const id = fresh ? `x${NAMES[name]}` : page.fields === "bare" ? bare : name;
  const bareAttrs = { type: attrs.type, id, name: NAMES[name] };
  if (page.fields === "bare") return [h("input", bareAttrs)];
  const named = { ...attrs, id, name: fresh ? NAMES[name] : name };
  if (page.fields === "placeholder") return [h("input", { ...named, placeholder: label, autocomplete: undefined })];
  return [h("label", { for: id }, label), h("input", named)];
}

const userField = () => field("username", text.user, { type: "text", autocomplete: "username" }, "fld_a");
const passwordField = () => field("password", text.password, { type: "password", autocomplete: "current-password" }, "fld_b");
const codeField = (label) => {
  if (page.otp !== "boxes") {
    return field("otp", label, { type: "text", inputmode: "numeric", maxlength: 6, autocomplete: "one-time-code" }, "fld_c");
  }
  const boxes = Array.from({ length: 6 }, (_, index) => h("input", { name: `d${index}`, maxlength: 1, inputmode: "numeric" }));
  boxes.forEach((box, index) => box.addEventListener("input", () => box.value && boxes[index + 1]?.focus()));
  return [h("p", {}, label), h("div", { class: "row" }, ...boxes)];
};

// A form that goes to `path`, by the browser or by script
function form(path, said, button, ...parts) {
  const alert = h("p", { role: "alert" }, said);
  const submit = h("button", { type: "submit", class: fresh ? "q7" : "primary" }, button);
  const children = [h("input", { type: "hidden", name: "tx", value: config.tx }), ...parts, alert, submit];
  const made = h("form", { method: "post", action: path }, ...children);
  if (page.style === "spa") made.addEventListener("submit", (event) => { event.preventDefault(); send(made, alert, submit); });
  return made;
}

async function send(made, alert, submit) {
  submit.disabled = true;
  alert.textContent = "";
  let status = 500, reply = {};
  try {
    const response = await fetch(made.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(made)) });
    status = response.status;
    reply = await response.json();
  } catch { /* no answer, or no JSON */ }
  submit.disabled = false;
  if (status >= 400) { alert.textContent = reply.error_description ?? text.broken; return; }
  user = reply.user;
  show(reply.screen);
}

// Screens

const SCREENS = {
  login, code: (said) => code(config.factor.startsWith("sms"), said), totp: (said) => code(false, said), consent, notice, waiting, finish,
};
const body = h("main");

async function show(screen, said = "") {
  await later(page.delay);
  body.replaceChildren(...SCREENS[screen](said));
  body.querySelector("input:not([type=hidden])")?.focus();
}

function login(said = "") {
  if (page.layout === "painted") return painted();
  const two = page.layout === "two_screens";
  const parts = two && user ? [h("p", {}, user), ...passwordField()] : two ? userField() : [...userField(), ...passwordField()];
  if (fresh && !two) parts.splice(0, 4, ...passwordField(), ...userField());
  if (config.factor === "with_password") parts.push(...codeField(text.otp));
  if (page.terms) parts.push(h("label", {}, h("input", { type: "checkbox", name: "terms", value: "yes" }), ` ${text.terms}`));
  const made = form("/login", said, two && !user ? text.next : text.login, ...parts, h("a", { href: "/forgot" }, text.forgot));
  return [...(page.signup ? [signup()] : []), h("h1", {}, text.title), made];
}

function code(sms, said = "") {
  const made = form("/code", said, text.verify, ...codeField(sms ? text.sms : text.otp));
  const link = h("a", { href: `/other-factor?tx=${config.tx}` }, text.instead);
  const box = made.querySelector("[maxlength='6']");
  if (page.autosubmit) box.addEventListener("input", () => box.value.length === 6 && made.requestSubmit());
  const hint = sms ? "We sent a code to your mobile ******1234" : text.hint;
  return [h("h1", {}, text.codeTitle), h("p", {}, hint), made, ...(config.factor === "sms_first" && sms ? [link] : [])];
}

function signup() {
  const inputs = text.signup.flatMap((label, index) => {
    const type = ["text", "email", "tel", "password"][index];
    return [h("label", { for: `s${index}` }, label), h("input", { id: `s${index}`, name: `s${index}`, type })];
  });
  const submit = h("button", { type: "submit" }, text.join);
  return h("form", { method: "post", action: "/signup" }, h("h2", {}, text.signupTitle), ...inputs, submit);
}

function painted() {
  const canvas = h("canvas", { width: 300, height: 120 });
  canvas.getContext("2d").fillText(`${text.user} ${text.password}`, 10, 40);
  return [canvas];
}

function consent() {
  const hidden = h("input", { type: "hidden", name: "tx", value: config.tx });
  const button = (value, words) => h("button", { type: "submit", name: "decision", value }, words);
  const buttons = [button("deny", text.deny), button("allow", page.allow ?? text.allow)];
  const rights = h("ul", {}, ...text.rights.map((right) => h("li", {}, right)));
  return [h("h1", {}, text.consentTitle), rights, h("form", { method: "post", action: "/consent" }, hidden, ...buttons)];
}

function notice() {
  const hidden = h("input", { type: "hidden", name: "tx", value: config.tx });
  const form = h("form", { method: "post", action: "/notice" }, hidden, h("button", { type: "submit" }, text.later));
  return [h("h1", {}, text.noticeTitle), h("p", {}, text.notice), h("button", { type: "button" }, text.nominee), form];
}

function waiting() {
  return [h("h1", {}, text.wait)];
}

function finish() {
  location.assign(`/finish?tx=${config.tx}`);
  return waiting();
}

// What can stand in the way

function captcha(solved) {
  addEventListener("captcha-solved", solved, { once: true });
  return h("div", { class: "g-recaptcha" }, h("iframe", { title: "reCAPTCHA", src: "/recaptcha/anchor" }));
}

function cover(seconds) {
  const screen = h("div", { class: "cover" }, captcha(() => screen.remove()));
  document.body.append(screen);
  if (seconds) later(seconds).then(() => screen.remove());
}

function banner() {
  const gone = () => bar.remove();
  const buttons = [h("button", { onclick: gone }, text.accept), h("button", { onclick: gone }, text.reject)];
  const bar = h("div", { role: "dialog", class: "banner" }, h("p", {}, text.cookies), ...buttons);
  document.body.append(bar);
}

async function start() {
  document.documentElement.lang = page.lang === "hi" ? "hi" : "en";
  document.body.prepend(body);
  const first = config.screen === "login";
  if (first) await later(page.late);
  if (first && page.captcha === "instead") return body.append(captcha(() => show("login")));
  await show(config.screen, config.said);
  if (first && page.captcha === "clears") cover(3);
  if (first && page.banner) banner();
}

start();
