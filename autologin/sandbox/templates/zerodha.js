"use strict";
// What the scenarios can change is in `page`; the rest is Kite on a good day.
const config = JSON.parse(document.getElementById("config").textContent);
const page = {
  lang: "en", look: "classic", layout: "full", otp: "reused", event: "input", then: "finish",
  autosubmit: true, guard: true, lag: 0, keepOld: 0, delay: 0, delays: {}, ...config.page,
};
const text = TEXTS[page.lang];
const fresh = page.look === "fresh";
const here = new URLSearchParams(location.search);
const ours = () => new URLSearchParams({ api_key: here.get("api_key"), sess_id: here.get("sess_id") });
const later = (seconds) => new Promise((done) => (seconds ? setTimeout(done, seconds * 1000) : done()));

const appId = crypto.randomUUID?.() ?? "sandbox"; // only there on https and loopback

// Building blocks

const renamed = (word) => "x" + [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7).toString(36);
const named = (words) => (words && fresh ? words.split(" ").map(renamed).join(" ") : words);

function h(tag, attrs = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, ["id", "class", "for"].includes(name) ? named(value) : value);
  }
  element.append(...children);
  return element;
}

function field(label, { wrapped, silent, autocomplete, ...attrs }) {
  if (autocomplete) attrs.label ??= ""; // Kite's widgets leave a property of theirs on the element
  const input = h("input", { ...attrs, label: fresh ? undefined : attrs.label, autocomplete: fresh ? autocomplete : undefined });
  if (silent) return { node: h("div", {}, input), input };
  if (wrapped) return { node: h("div", {}, h("label", {}, label, input)), input };
  const caption = h("label", { class: "su-input-label", for: attrs.id }, label);
  return { node: h("div", { class: "su-input-group" }, caption, input), input };
}

const userField = (value) =>
  field(text.user, { id: "userid", type: "text", maxlength: 16, autocapitalize: "characters", autocomplete: "username", value });
const passwordField = () => field(text.password, { id: "password", type: "password", autocomplete: "current-password" });

function otpField(label) {
  const dots = "••••••";
  const reused = { id: "userid", type: "number", maxlength: 6, minlength: 6, label, placeholder: dots, autocomplete: "one-time-code" };
  const shapes = {
    reused,
    older: { ...reused, id: "totp", type: "text" },
    label_only: { wrapped: true, type: "text" },
    class_only: { silent: true, type: "text", class: "twofa-value", placeholder: dots },
  };
  return field(label, shapes[page.otp]);
}

const link = (words, attrs) => h("div", {}, h("a", { href: "#", class: "forgot-link", ...attrs }, words));
const pressed = (action) => (event) => { event.preventDefault(); action(); };

// A form with fields, a place for the error, and its button; `send` is called at submit
function makeForm(fields, button, links, send) {
  const words = h("div");
  const view = { turn: 0, busy: false, button: h("button", { type: "submit", class: "button-orange wide" }, button) };
  view.error = (said) => words.replaceChildren(...(said ? [h("p", { class: "error text-center" }, said)] : []));
  const parts = [...fields.map((one) => one.node), words, h("div", { class: "actions" }, view.button), ...links];
  if (fresh) parts.splice(0, parts.length, ...links, ...fields.map((one) => one.node).reverse(), words, view.button);
  view.form = h("form", { onsubmit: pressed(() => send(view)) }, ...parts);
  return view;
}

async function post(path, data) {
  const token = document.cookie.match(/public_token=([^;]*)/)?.[1] ?? "";
  const headers = {
    "X-Kite-Version": "3.0.0", "X-Kite-Userid": data.user_id, "X-Kite-App-UUID": appId, "X-CSRFTOKEN": token,
  };
  try {
    return await (await fetch(path, { method: "POST", headers, body: new URLSearchParams(data) })).json();
  } catch {
    return { status: "error", message: text.broken };
  }
}

async function send(view, path, data, done) {
  if (page.guard && view.busy) return;
  view.busy = true;
  view.button.disabled = page.guard;
  view.error("");
  const turn = ++view.turn;
  const reply = await post(path, data);
  if (turn !== view.turn) return; // a newer submit has taken this one's place
  if (reply.status === "success") return done(reply.data);
  view.busy = false;
  view.button.disabled = false;
  view.error(reply.message);
  view.refused?.();
}

// Screens. A screen is shown in place of the last one, on the same page

const title = h("h2");
const body = h("div");
let shown = false;

async function show(name, words, ...nodes) {
  await later(page.delay + (page.delays[name] ?? 0));
  const old = [...body.children];
  title.textContent = words;
  body.append(...nodes);
  if (shown && page.keepOld) await later(page.keepOld / 1000);
  shown = true;
  old.forEach((node) => node.remove());
  (nodes.find((node) => node.tagName === "FORM") ?? body).querySelector("input:not([type=hidden])")?.focus();
}

function credentials(known) {
  const user = known ? undefined : userField(page.prefilled);
  const password = passwordField();
  const links = [link(text.forgot, { href: "/forgot", class: "text-light forgot-link" })];
  if (known) links.push(link(text.changeUser, { onclick: pressed(() => show("login", text.loginTitle, ...credentials())) }));
  else links.push(link(text.noAccount, { href: "/signup", class: "text-light" }));
  const view = makeForm(user ? [user, password] : [password], text.login, links, () => {
    const data = { user_id: known ?? user.input.value.trim(), password: password.input.value, type: "user_id" };
    send(view, "/api/login", data, (reply) => show("twofa", text.twofaTitle, ...twofa(reply, reply.twofa_type)));
  });
  return known ? [h("h4", { class: "userid" }, known), view.form] : [view.form];
}

function userFirst() {
  const user = userField(page.prefilled);
  const view = makeForm([user], text.next, [], () => show("password", text.loginTitle, ...credentials(user.input.value.trim())));
  return [view.form];
}

function signup() {
  const one = (name, type) => field(text.signup[name], { id: `signup-${name}`, name, type });
  const fields = [one("name", "text"), one("email", "email"), one("phone", "tel"), one("password", "password")];
  const view = makeForm(fields, text.signup.go, [], () => send(view, "/signup", {}, () => {}));
  view.form.prepend(h("h4", {}, text.signupTitle));
  return view.form;
}

function painted() {
  const canvas = h("canvas", { width: 300, height: 200 });
  const brush = canvas.getContext("2d");
  brush.font = "14px sans-serif";
  [text.user, text.password, text.login].forEach((words, row) => brush.fillText(words, 10, 40 + 60 * row));
  return [canvas];
}

function twofa(reply, kind) {
  const label = text.kinds[kind];
  const code = otpField(label);
  const options = reply.twofa_types.filter((other) => other !== kind);
  const problem = link(text.problem(label), { onclick: pressed(() => show("options", text.twofaTitle, ...choose(reply, options))) });
  const view = makeForm([code], text.next, [problem], () => {
    const { user_id, request_id } = reply;
    const data = { user_id, request_id, twofa_value: code.input.value, twofa_type: kind, skip_session: "" };
    send(view, "/api/twofa", data, finish);
  });
  let sent = "";
  view.refused = () => { code.input.value = sent = ""; code.input.focus(); };
  code.input.addEventListener(page.event, async () => {
    const value = (code.input.value = code.input.value.slice(0, 6));
    if (!page.autosubmit || value.length < 6 || value === sent) return;
    sent = value;
    await later(page.lag / 1000);
    view.form.requestSubmit();
  });
  return [view.form];
}

function choose(reply, kinds) {
  const pick = async (kind) => {
    if (kind === "sms") await post("/api/twofa/sms", { user_id: reply.user_id, request_id: reply.request_id });
    show("twofa", text.twofaTitle, ...twofa(reply, kind));
  };
  return kinds.map((kind) => h("div", { class: "twofa-option", tabindex: 0, onclick: () => pick(kind) }, text.kinds[kind]));
}

function finish() {
  if (page.then === "nothing") return show("finish", text.wait);
  location.assign(`/connect/finish?${ours()}`);
}

async function consent() {
  const reply = await (await fetch(`/api/connect/session?${ours()}`)).json();
  const values = { ...Object.fromEntries(ours()), authorize: reply.data.public_token };
  const hidden = Object.entries(values).map(([name, value]) => h("input", { type: "hidden", name, value }));
  const button = h("button", { type: "submit", class: "button-orange wide" }, text.authorize);
  const form = h("form", { method: "post", action: "/connect/finish" }, ...hidden, button);
  const rights = h("ul", {}, ...text.rights.map((right) => h("li", {}, right)));
  show("consent", text.consentTitle, rights, form, link(text.cancel, { href: `/connect/cancel?${ours()}`, class: "cancel" }));
}

function notice() {
  const button = h("button", { type: "button" }, text.nominee);
  const onward = link(text.later, { href: `/connect/finish?${ours()}&later=1`, class: "later" });
  show("notice", text.noticeTitle, h("p", {}, text.notice), button, onward);
}

// What can stand in the way

function captcha(solved) {
  addEventListener("captcha-solved", solved, { once: true });
  return h("div", { class: "g-recaptcha" }, h("iframe", { title: "reCAPTCHA", src: "/recaptcha/anchor" }));
}

function cover(seconds) {
  const screen = h("div", { style: "" }, captcha(() => screen.remove()));
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

async function login() {
  const layouts = {
    full: () => credentials(),
    password_only: () => credentials(page.user),
    two_screens: userFirst,
    two_forms: () => [...credentials(), ...credentials()],
    no_fields: painted,
  };
  const form = () => show("login", text.loginTitle, ...(page.signup ? [signup()] : []), ...layouts[page.layout]());
  if (page.captcha === "instead") return show("login", text.loginTitle, captcha(form));
  await form();
  if (page.captcha) cover(page.captcha === "clears" ? 3 : 0);
  if (page.banner) banner();
}

document.documentElement.lang = page.lang;
document.body.prepend(h("div", { id: "container" }, h("div", {}, h("div", { class: "login-form" }, h("div", {}, title), body))));
({ login, consent, notice })[config.screen]();
