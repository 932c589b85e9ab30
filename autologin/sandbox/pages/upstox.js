"use strict";
// What the scenarios can change is in `page`; the rest is the login site on a good day.
const config = JSON.parse(document.getElementById("config").textContent);
const page = {
  lang: "en", look: "classic", layout: "full", event: "input", mobile: "tel", otp: "single", pin: "single", paths: "known",
  then: "redirect", then_otp: "pin", autoOtp: true, autoPin: false, guard: true, lag: 0, keepOld: 0, delay: 0, delays: {},
  ...config.page,
};
const text = TEXTS[page.lang];
const fresh = page.look === "fresh";
const here = new URLSearchParams(location.search);
const later = (seconds) => new Promise((done) => (seconds ? setTimeout(done, seconds * 1000) : done()));
const PATHS = {
  known: { verify: "/login/open/v4/auth/1fa/otp-totp/verify", pin: "/login/open/v3/auth/2fa" },
  other: { verify: "/login/open/v7/auth/1fa/totp", pin: "/login/open/v7/auth/secret-pin" },
}[page.paths];

// Building blocks

const renamed = (word) => "x" + [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7).toString(36);

function h(tag, attrs = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, fresh && ["id", "class", "for"].includes(name) ? renamed(value) : value);
  }
  element.append(...children);
  return element;
}

// One input, or a box for each digit. `reused`: the same element each time, with other attributes
const element = h("input");

function single(attrs) {
  if (!page.reused) return h("input", attrs);
  for (const { name } of [...element.attributes]) element.removeAttribute(name);
  for (const [name, value] of Object.entries(attrs)) if (value !== undefined) element.setAttribute(name, value);
  element.value = "";
  return element;
}

function field(label, { autocomplete, ...attrs }) {
  const input = single({ ...attrs, autocomplete: fresh ? autocomplete : undefined });
  return { nodes: [h("label", { for: attrs.id }, label), input], inputs: [input], value: () => input.value };
}

function six(label, type) {
  const inputs = Array.from({ length: 6 }, () => h("input", { type, maxlength: 1, inputmode: "numeric" }));
  inputs.forEach((box, index) => box.addEventListener("input", () => box.value && inputs[index + 1]?.focus()));
  return { nodes: [h("p", {}, label), h("div", { class: "row" }, ...inputs)], inputs, value: () => inputs.map((box) => box.value).join("") };
}

// A screen with one field and its button; `send` is called with what was entered
function step(one, { id, words, length, auto, links = [], send }) {
  const said = h("div");
  const button = h("button", { id, type: page.formless ? "button" : "submit", class: "primary" }, words);
  const view = { busy: false, error: (words) => said.replaceChildren(...(words ? [h("p", { class: "error", role: "alert" }, words)] : [])) };
  const ready = () => { button.disabled = (view.busy && page.guard) || one.value().length < length; };
  const go = async () => {
    if (page.guard && view.busy) return;
    view.busy = true;
    view.error("");
    ready();
    const refused = await send(one.value());
    view.busy = false;
    if (refused === undefined) return;
    one.inputs.forEach((input) => { input.value = ""; });
    sent = "";
    ready();
    view.error(refused);
    one.inputs[0].focus();
  };
  let sent = "";
  const typed = async () => {
    ready();
    if (!auto || one.value().length < length || one.value() === sent) return;
    sent = one.value();
    await later(page.lag / 1000);
    go();
  };
  one.inputs.forEach((input) => { input[`on${page.event}`] = typed; });
  const parts = fresh ? [...links, ...one.nodes, button, said] : [...one.nodes, said, button, ...links];
  const form = h(page.formless ? "div" : "form", { class: "step" }, ...parts);
  if (page.formless) button.addEventListener("click", go);
  else form.addEventListener("submit", (event) => { event.preventDefault(); if (!button.disabled || !page.guard) go(); });
  ready();
  return form;
}

async function post(path, data) {
  const id = `WPRO-${Math.random().toString(36).slice(2, 12).padEnd(10, "0")}`;
  const device = "platform=WEB|osName=Linux|osVersion=Chrome|appVersion=4.0.0|modelName=Chrome|uuid=sandbox";
  const headers = { "content-type": "application/json", "x-device-details": device, "x-request-id": id };
  try {
    const response = await fetch(config.service + path, { method: "POST", credentials: "include", headers, body: JSON.stringify({ data }) });
    return await response.json();
  } catch {
    return { success: false, error: { message: text.broken } };
  }
}

// Gives the words of a refusal, or goes on
async function ask(path, data, done) {
  const reply = await post(path, data);
  if (reply.success) return void done(reply.data);
  return reply.error?.message ?? reply.errors?.[0]?.message ?? text.broken;
}

const back = () => new URLSearchParams({ client_id: here.get("client_id"), redirect_uri: here.get("redirect_uri") });

// Screens. A screen is shown in place of the last one, on the same page

const root = h("div", { id: "root" });
const body = h("div");

async function show(name, ...nodes) {
  await later(page.delay + (page.delays[name] ?? 0));
  const old = page.keepOld ? [...body.children] : [];
  if (!page.keepOld) body.replaceChildren();
  body.append(...nodes);
  body.lastElementChild.querySelector("input")?.focus();
  if (old.length) later(page.keepOld / 1000).then(() => old.forEach((node) => node.remove()));
}

function mobile() {
  const types = { tel: { type: "tel", maxlength: 10, inputmode: "numeric" }, text: { type: "text" }, number: { type: "number" } };
  const one = field(text.mobile, { id: "mobileNum", ...types[page.mobile], autocomplete: "tel" });
  const send = (value) => ask("/login/open/v6/auth/1fa/otp/generate", { mobileNumber: value, userId: here.get("user_id") },
    (data) => show("otp", ...otp(data)));
  return step(one, { id: "getOtp", words: text.getOtp, length: 10, send });
}

function otp(generated) {
  const label = generated.isTotpEnabled && !page.sent ? text.totp : text.otp;
  const one = page.otp === "six" ? six(label, "tel")
    : field(label, { id: "otpNum", type: "tel", maxlength: 6, inputmode: "numeric", autocomplete: "one-time-code" });
  const send = (value) => ask(PATHS.verify, { otp: value, validateOtpToken: generated.validateOTPToken },
    () => (page.then_otp === "pin" ? show("pin", pin()) : show("pin", ...createPin())));
  const form = step(one, {
    id: "continueBtn", words: text.next, length: 6, auto: page.autoOtp, links: [h("a", { href: "#" }, text.resend)], send,
  });
  return [...(generated.isTotpEnabled && !page.sent ? [] : [h("p", {}, text.sent)]), form];
}

function pin() {
  const single = page.pin === "single";
  const one = single ? field(text.pin, { id: "pinCode", type: "password", maxlength: 6, autocomplete: "current-password" })
    : six(text.pin, page.pin === "six_tel" ? "tel" : "password");
  const send = (value) => ask(`${PATHS.pin}?${back()}`, { twoFAMethod: "SECRET_PIN", inputText: btoa(value) }, signedIn);
  return step(one, {
    id: "pinContinueBtn", words: text.next, length: 6, auto: page.autoPin, links: [h("a", { href: "#" }, text.forgot)], send,
  });
}

function createPin() {
  const inputs = [text.createPin, text.repeatPin].map((label, index) =>
    h("div", {}, h("label", { for: `new${index}` }, label), h("input", { id: `new${index}`, type: "password", maxlength: 6 })));
  return [h("form", { class: "step" }, ...inputs, h("button", { type: "submit" }, text.next))];
}

function signedIn(data) {
  if (page.then === "nothing") return show("then", h("p", {}, text.wait));
  if (page.then === "notice") return show("then", ...notice());
  if (data.isExternalClientOAuthApp) return show("then", ...consent());
  return approve(true);
}

async function approve(yes) {
  const query = `${back()}&requestId=WPRO-0123456789&response_type=code`;
  const refused = await ask(`/login/v2/oauth/authorize?${query}`, { userOAuthApproval: yes }, (data) => location.assign(data.redirectUri));
  if (refused) show("then", h("p", { class: "error", role: "alert" }, refused));
}

function consent() {
  const allow = h("button", { type: "button", onclick: () => approve(true) }, text.allow);
  const deny = h("button", { type: "button", class: "plain", onclick: () => approve(false) }, text.deny);
  return [h("h2", {}, text.consentTitle), h("p", {}, text.rights), deny, allow];
}

function notice() {
  const update = h("button", { type: "button" }, text.update);
  const skip = h("a", { href: "#", onclick: () => approve(true) }, text.later);
  return [h("h2", {}, text.noticeTitle), h("p", {}, text.notice), update, skip];
}

// What can stand in the way

function signup() {
  const one = (label, type) => [h("label", { for: `new-${type}` }, label), h("input", { id: `new-${type}`, type })];
  const button = h("button", { type: "submit" }, text.signup.go);
  const fields = [...one(text.signup.name, "text"), ...one(text.signup.mobile, "tel")];
  const form = h("form", { class: "step" }, h("h2", {}, text.signupTitle), ...fields, button);
  form.addEventListener("submit", (event) => { event.preventDefault(); fetch("/signup", { method: "POST" }); });
  return form;
}

function painted() {
  const canvas = h("canvas", { width: 300, height: 120 });
  canvas.getContext("2d").fillText(text.mobile, 10, 40);
  return canvas;
}

function qr() {
  const use = h("button", { type: "button", onclick: () => show("mobile", mobile()) }, text.useNumber);
  return h("div", {}, h("p", {}, text.qr), h("div", { class: "qr" }), use);
}

function captcha(solved) {
  addEventListener("captcha-solved", solved, { once: true });
  return h("div", { class: "g-recaptcha" }, h("iframe", { title: "reCAPTCHA", src: "/recaptcha/anchor" }));
}

function cover(seconds) {
  const screen = h("div", {}, captcha(() => screen.remove()));
  screen.className = "cover";
  document.body.append(screen);
  if (seconds) later(seconds).then(() => screen.remove());
}

function banner() {
  const gone = () => bar.remove();
  const buttons = [h("button", { onclick: gone }, text.accept), h("button", { onclick: gone }, text.reject)];
  const bar = h("div", { role: "dialog" }, h("p", {}, text.cookies), ...buttons);
  bar.className = "banner";
  document.body.append(bar);
}

async function start() {
  document.documentElement.lang = page.lang;
  root.append(h("h1", {}, text.title), body);
  document.body.prepend(root);
  const layouts = { full: () => [mobile()], two_forms: () => [mobile(), mobile()], no_fields: () => [painted()] };
  const form = () => show("mobile", ...(page.signup ? [signup()] : []), ...(page.qr ? [qr()] : layouts[page.layout]()));
  if (page.captcha === "instead") return show("captcha", captcha(form));
  await form();
  if (page.captcha) cover(page.captcha === "clears" ? 3 : 0);
  if (page.banner) banner();
}

start();
