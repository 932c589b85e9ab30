"use strict";
// What the scenarios can change is in `page`; the rest is the login page on a good day. Ids are given twice, as on the real one.
const config = JSON.parse(document.getElementById("config").textContent);
const page = {
  lang: "en", look: "classic", skin: "tabs", pinWrapper: "pin-container", code: "boxes", advance: true, autoPin: true, autoCode: false,
  guard: true, event: "input", paths: "v2", then: "redirect", allow: "", keepOld: 0, delay: 0, delays: {}, captcha: "",
  late: false, deaf: 0, allowOnTick: false, ...config.page,
};
const text = TEXTS[page.lang];
const fresh = page.look === "fresh";
const here = new URLSearchParams(location.search);
const later = (seconds) => new Promise((done) => (seconds ? setTimeout(done, seconds * 1000) : done()));
const PATHS = {
  v1: { send: "send_login_otp", verify: "verify_otp", pin: "verify_pin" },
  v2: { send: "send_login_otp_v2", verify: "verify_otp", pin: "verify_pin_v2" },
  v3: { send: "send_login_otp_v3", verify: "verify_otp_v2", pin: "verify_pin_v2" },
}[page.paths];
const packed = (value) => (page.paths === "v1" ? value : btoa(value));
let key = "", bearer = "";

// A page whose script is late hears nothing of what happens before
let unheard = page.late ? [] : null;
const listen = (element, event, heard) => (unheard ? unheard.push([element, event, heard]) : element.addEventListener(event, heard));

function listenNow() {
  unheard.forEach(([element, event, heard]) => element.addEventListener(event, heard));
  unheard = null;
}

// Building blocks

const renamed = (word) => "x" + [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7).toString(36);

function h(tag, attrs = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) listen(element, name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, fresh && ["id", "class", "for", "name"].includes(name) ? renamed(value) : value);
  }
  element.append(...children);
  return element;
}

// A form: its fields, where it says no, and its button. `send` gets what was entered and gives the words of a refusal
function form({ id, nodes, inputs, button, auto, length, send, links = [] }) {
  const said = h("span", { class: "error", role: "alert" });
  const go = h("button", { type: "submit", id: button, class: "primary" }, text.next);
  let busy = false, tried = "";
  const value = () => inputs.map((input) => input.value).join("");
  const open = () => !page.captcha || document.querySelector("[name=cf-turnstile-response]")?.value || id !== "clientIdForm";
  const ready = () => { go.disabled = (busy && page.guard) || value().length < length || !open(); };
  const submit = async () => {
    if ((busy && page.guard) || !open()) return;
    busy = true;
    said.textContent = "";
    ready();
    const refused = await send(value());
    busy = false;
    if (refused === undefined) return;
    inputs.forEach((input) => { input.value = ""; });
    tried = "";
    said.textContent = refused;
    ready();
    inputs[0].focus();
  };
  const typed = (event) => {
    ready();
    const at = inputs.indexOf(event.target);
    if (page.advance && event.target.value && inputs[at + 1]) inputs[at + 1].focus();
    if (auto && value().length === length && value() !== tried) { tried = value(); submit(); }
  };
  inputs.forEach((input) => listen(input, page.event, typed));
  addEventListener("captcha-passed", ready);
  const parts = fresh ? [...links, ...nodes, go, said] : [...nodes, said, go, ...links];
  const made = h("form", { id, class: "step" }, ...parts);
  listen(made, "submit", (event) => { event.preventDefault(); if (!go.disabled || !page.guard) submit(); });
  ready();
  return made;
}

const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth"];

function boxes(count, attrs) {
  return Array.from({ length: count }, (_, index) => h("input", {
    id: ORDINALS[index], maxlength: 1, pattern: "\\d*", autocomplete: "off", ...attrs,
    "data-autosubmit": attrs.class && index === count - 1 ? "true" : undefined,
  }));
}

async function post(url, data, headers = {}) {
  try {
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(data) });
    return await response.json();
  } catch {
    return { s: "error", message: text.broken };
  }
}

// Screens

const root = h("section", { id: "main-login-form", class: "container login-form" });
const body = h("div");

async function show(name, ...nodes) {
  await later(page.delay + (page.delays[name] ?? 0));
  const old = page.keepOld ? [...body.children] : [];
  if (!page.keepOld) body.replaceChildren();
  body.append(...nodes);
  body.lastElementChild.querySelector("input")?.focus();
  if (old.length) later(page.keepOld / 1000).then(() => old.forEach((node) => node.remove()));
}

function idForm() {
  const input = h("input", { id: "fy_client_id", name: "fy_client_id", placeholder: text.id, autocomplete: "off" });
  const send = async (value) => {
    const who = page.paths === "v3" ? { identifier_value: packed(value) } : { fy_id: packed(value), app_id: "2" };
    const reply = await post(`${config.vagator}/${PATHS.send}`, who);
    if (reply.s !== "ok") return reply.message;
    key = reply.request_key;
    show("code", ...code(reply.totp));
  };
  return form({ id: "clientIdForm", nodes: [input], inputs: [input], button: "clientIdSubmit", length: 1, send });
}

function mobileForm() {
  const input = h("input", { id: "mobile-code", type: "tel", name: "mobile-code", placeholder: text.mobile, minlength: 7, autocomplete: "off" });
  return form({ id: "mobileIdForm", nodes: [input], inputs: [input], button: "mobileNumberSubmit", length: 7, send: async () => text.broken });
}

// The tabs: a mobile number unless the visitor chooses the client id
function tabs() {
  const mobile = h("div", { id: "mobile-input-section" }, mobileForm());
  const id = h("div", { id: "clientid-input-section" }, idForm());
  const choose = (byId) => { mobile.hidden = byId; id.hidden = !byId; };
  const radio = (name, words, byId) => {
    const input = h("input", { type: "radio", name: "loginType", id: name, value: name, onchange: () => choose(byId) });
    input.checked = !byId;
    return h("label", {}, input, words);
  };
  choose(false);
  return [h("div", { class: "tabs" }, radio("mobile_rb", text.byMobile, false), radio("clientId_rb", text.byId, true)), mobile, id];
}

function link() {
  const pressed = (event) => { event.preventDefault(); if (page.deaf-- <= 0) show("id", idForm()); };
  const use = h("a", { href: "#", id: "login_client_id", onclick: pressed }, text.byIdLink);
  return [mobileForm(), use];
}

const SKINS = { tabs, link, id: () => [idForm()], two: () => [idForm(), idForm()], painted: () => [painted()] };

function painted() {
  const canvas = h("canvas", { width: 300, height: 120 });
  canvas.getContext("2d").fillText(text.id, 10, 40);
  return canvas;
}

function code(totp) {
  const one = h("input", { id: "totp", type: "tel", maxlength: 6, inputmode: "numeric" });
  const inputs = page.code === "one" ? [one] : boxes(6, { type: "number" });
  const send = async (value) => {
    const reply = await post(`${config.vagator}/${PATHS.verify}`, { request_key: key, otp: value });
    if (reply.s !== "ok") return reply.message;
    key = reply.request_key;
    show("pin", pin());
  };
  const words = totp ? [h("h2", {}, text.confirmTotp), h("p", { id: "verify_totp_content" }, text.totp)] : [h("h2", {}, text.otp), h("p", {}, text.sent)];
  const links = totp ? [] : [h("a", { id: "resend_otp_timer", href: "#" }, text.resend)];
  const nodes = [...words, h("div", { id: "otp-container", class: "row" }, ...inputs)];
  return [form({ id: "confirmOtpForm", nodes, inputs, button: "confirmOtpSubmit", auto: page.autoCode, length: 6, send, links })];
}

function pin() {
  const inputs = boxes(4, { type: "number", class: "fy-secure-input" });
  const send = async (value) => {
    const reply = await post(`${config.vagator}/${PATHS.pin}`, { request_key: key, identity_type: "pin", identifier: packed(value) });
    if (reply.s !== "ok") return reply.message;
    bearer = reply.data.access_token;
    signedIn();
  };
  const nodes = [h("p", {}, text.pin), h("div", { id: "pin-container", class: "row" }, ...inputs)];
  const links = [h("a", { id: "fogot_pin", href: "#" }, text.forgot)];
  const made = form({ id: "verifyPinForm", nodes, inputs, button: "verifyPinSubmit", auto: page.autoPin, length: 4, send, links });
  return page.pinWrapper === "verify-pin-page" ? h("div", { id: "verify-pin-page" }, made) : made;
}

async function signedIn() {
  if (page.then === "nothing") return show("then", h("p", {}, text.wait));
  if (page.then === "notice") return show("then", h("h2", {}, text.notice), h("button", { type: "button" }, text.update), h("a", { href: "#" }, text.later));
  if (page.then === "change_pin") return show("then", ...changePin());
  const app = { app_id: here.get("client_id").split("-")[0], appType: here.get("client_id").split("-")[1] };
  const asked = { ...app, redirect_uri: here.get("redirect_uri"), state: here.get("state"), scope: "", nonce: "", code_challenge: "", response_type: "code", create_cookie: true };
  const reply = await post("/api/v3/token", asked, { authorization: `Bearer ${bearer}` });
  if (reply.consent) return show("then", ...consent(reply.consent.app, asked));
  if (reply.Url) return location.assign(reply.Url);
  show("then", h("p", { class: "error", role: "alert" }, reply.message));
}

function consent(app, asked) {
  const box = h("input", { type: "checkbox", id: "permission", name: "permission", class: "checkbox-custom" });
  const allow = h("button", { type: "button", onclick: async () => {
    if (!box.checked) return;
    const reply = await post("/api/v3/direct-login", { ...asked, user_id: "", auth: bearer }, { authorization: `Bearer ${bearer}` });
    if (reply.Url) location.href = reply.Url;
  } }, page.allow || text.allow);
  allow.disabled = page.allowOnTick;
  if (page.allowOnTick) listen(box, "change", () => { allow.disabled = !box.checked; });
  document.title = text.grant;
  const ticked = h("div", { class: "permission-checkbox" }, h("label", {}, box, text.permission));
  return [h("h2", {}, text.grant), h("p", {}, `${app} ${text.asks}`), h("p", {}, text.rights), ticked, h("button", { type: "button", class: "plain" }, text.cancel), allow];
}

function changePin() {
  const input = h("input", { type: "password", maxlength: 4, id: "newpin" });
  return [h("form", { id: "changePinForm", class: "step" }, h("label", { for: "newpin" }, text.newPin), input, h("button", { type: "submit" }, text.change))];
}

// What can stand in the way

function signup() {
  const one = (label, type) => [h("label", { for: `new-${type}` }, label), h("input", { id: `new-${type}`, type })];
  const fields = [...one(text.signup.name, "text"), ...one(text.signup.id, "email")];
  const made = h("form", { class: "step" }, h("h2", {}, text.signupTitle), ...fields, h("button", { type: "submit" }, text.signup.go));
  made.addEventListener("submit", (event) => { event.preventDefault(); fetch("/signup", { method: "POST" }); });
  return made;
}

function captcha() {
  const proof = h("input", { type: "hidden", name: "cf-turnstile-response" });
  proof.setAttribute("name", "cf-turnstile-response");
  const frame = h("iframe", { title: "Widget containing a Cloudflare security challenge", src: "/turnstile/captcha" });
  const pass = () => { proof.value = "passed"; dispatchEvent(new Event("captcha-passed")); };
  const wait = { clears: 3, passes: 0.1 }[page.captcha];
  if (wait) later(wait).then(pass);
  addEventListener("captcha-solved", pass, { once: true });
  return h("div", { id: "captcha1", class: "cf-turnstile" }, frame, proof);
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
  const extra = [...(page.signup ? [signup()] : [])];
  await show("id", ...extra, ...SKINS[page.skin](), ...(page.captcha ? [captcha()] : []));
  if (page.twice) {
    const small = root.cloneNode(true);
    small.style.display = "none";
    document.body.prepend(small);
  }
  if (page.banner) banner();
}

start();
