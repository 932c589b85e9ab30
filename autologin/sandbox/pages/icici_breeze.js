"use strict";
// What the scenarios can change is in `page` and `config`; the rest is the login page on a good day.
const config = JSON.parse(document.getElementById("config").textContent);
const page = {
  lang: "en", terms: "plain", code: "boxes", words: "totp", event: "input", layout: "one", one_form: false, keep: false, dob: false, auto: false,
  fresh: false, banner: false, signup: false, captcha: "", delay: 0, delays: {}, ...config.page,
};
const text = TEXTS[page.lang];
const later = (seconds) => new Promise((done) => (seconds ? setTimeout(done, seconds * 1000) : done()));
const renamed = (word) => "x" + [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7).toString(36);

function h(tag, attrs = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, page.fresh && ["id", "class", "for"].includes(name) ? renamed(value) : value);
  }
  element.append(...children);
  return element;
}

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

async function call(path, data) {
  try {
    const headers = { "x-requested-with": "XMLHttpRequest" };
    const response = await fetch(path, { method: "POST", headers, body: new URLSearchParams(data) });
    return response.ok ? await response.text() : `<span id="otperr">${text.broken}</span>`;
  } catch {
    return `<span id="otperr">${text.broken}</span>`;
  }
}

// A refusal: a dialog, or words on the page
const said = h("p", { class: "error", id: "otperr" });

function refuse(html) {
  const words = new DOMParser().parseFromString(html, "text/html").body.textContent.trim();
  if (config.says_no === "nothing") return;
  if (config.says_no === "dialog") alert(words);
  else said.textContent = words;
}

// The login form

const body = h("div", { id: "dvloginmain" });
const panel = h("div", { id: "dvgetotp" });

function login() {
  const user = h("input", { type: "text", id: "txtuid", fieldname: "User Id", autocomplete: page.fresh ? "username" : undefined });
  const password = h("input", { type: "password", id: "txtPass", autocomplete: page.fresh ? "current-password" : undefined });
  const box = h("input", { type: "checkbox", id: "chkssTnc", value: "Y", class: page.terms === "custom" ? "hidden-box" : undefined });
  box.className = page.terms === "custom" ? "hidden-box" : "";
  const button = h("input", { type: "button", id: "btnSubmit", value: text.login });
  const none = page.terms === "none";
  const own = (id) => (page.layout === "two_forms" ? undefined : id);
  if (page.terms === "ticked") box.checked = true;
  if (page.terms === "enable") { button.disabled = true; box.addEventListener("change", () => { button.disabled = !box.checked; }); }
  button.addEventListener("click", async () => {
    if (!none && !box.checked) return alert(text.mustAccept);
    button.disabled = true;
    said.textContent = "";
    const secret = encrypted(password.value);
    const data = { txtuid: user.value, txtPass: "************", hidp: secret, chkssTnc: "Y", hidredurl: "", hiddob: "" };
    const html = await call("/apiuser/tradelogin/getotp", data);
    button.disabled = false;
    answered(html);
  });
  const fields = [h("label", { for: own("txtuid") }, text.user), user, h("label", { for: own("txtPass") }, text.password), password];
  const dob = page.dob ? [h("label", { for: "txtdob" }, text.dob), h("input", { type: "text", id: "txtdob" })] : [];
  const label = h("label", { for: "chkssTnc" }, text.terms);
  const terms = none ? [] : [h("div", { class: "terms" }, box, label)];
  return h("div", { class: "step" }, ...fields, ...dob, ...terms, button);
}

async function answered(html) {
  const found = new DOMParser().parseFromString(html, "text/html").querySelector("#pnlOTP");
  if (found) return showPanel(found);
  const picture = new DOMParser().parseFromString(html, "text/html").querySelector("#dvcaptcha");
  if (picture) return panel.replaceChildren(picture, h("input", { id: "txtcaptcha", placeholder: "captcha" }));
  if (html.trim() === "SHWCAP") return;
  refuse(html);
}

async function showPanel(found) {
  await later(page.delay + (page.delays.otp ?? 0));
  if (!page.keep) body.replaceChildren();
  panel.replaceChildren(otp(found));
  panel.querySelector("input:not([type=hidden])").focus();
}

// The panel for the code

function otp(found) {
  const totp = found.querySelector("#hiistotp").value === "Y";
  const heading = page.words === "plain" ? text.plain : totp ? text.totp : found.dataset.words || text.plain;
  const help = page.words === "plain" || !totp ? "" : text.enterTotp;
  const auto = page.fresh ? "one-time-code" : undefined;
  const boxes = page.code === "single" ? [h("input", { type: "text", inputmode: "numeric", maxlength: 6, "tg-nm": "otp", autocomplete: auto })]
    : Array.from({ length: 6 }, () => h("input", { type: "text", inputmode: "decimal", maxlength: 1, "tg-nm": "otp" }));
  const value = () => boxes.map((box) => box.value).join("");
  let known = "";
  const send = async () => {
    const code = page.event === "keyup" ? known : value();
    if (code.length < 6) return alert(text.needsCode);
    if (config.posts) return posted(code);
    button.disabled = true;
    said.textContent = "";
    const html = await call("/apiuser/tradelogin/validateuser", { hiotp: code, hitk: found.querySelector("#hitk").value, hiistotp: totp ? "Y" : "N" });
    const form = new DOMParser().parseFromString(html, "text/html").querySelector("form");
    if (form) { document.body.append(form); return form.submit(); }
    if (!/otperr/.test(html)) return panel.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    button.disabled = false;
    refuse(html);
    if (config.after_no === "panel") return panel.replaceChildren(otp(found));
    if (config.after_no === "login") { panel.replaceChildren(); return body.replaceChildren(login()); }
    boxes.forEach((box) => { box.value = ""; });
    boxes[0].focus();
  };
  boxes.forEach((box, index) => box.addEventListener(page.event, () => {
    known = value();
    if (box.value && boxes[index + 1]) boxes[index + 1].focus();
    if (page.auto && known.length === 6) send();
  }));
  const button = h("input", { type: "button", id: "Button1", value: text.submit, onclick: send });
  const parts = [h("h2", {}, heading), ...(help ? [h("p", {}, help)] : []), h("div", { class: "row" }, ...boxes), button];
  return h("div", { id: "pnlOTP", class: "step" }, ...parts);
}

function posted(code) {
  const form = h("form", { method: "post", action: "/apiuser/tradelogin/validateuser" });
  const input = h("input", { type: "hidden", value: code });
  input.name = "hiotp";
  form.append(input);
  document.body.append(form);
  form.submit();
}

// What can stand in the way

function signup() {
  const one = (label, type) => [h("label", { for: `new-${type}` }, label), h("input", { id: `new-${type}`, type })];
  const fields = [...one(text.signup.name, "text"), ...one(text.signup.mail, "email")];
  const form = h("form", { class: "step" }, h("h2", {}, text.signupTitle), ...fields, h("button", { type: "submit" }, text.signup.go));
  form.addEventListener("submit", (event) => { event.preventDefault(); fetch("/apiuser/signup", { method: "POST" }); });
  return form;
}

function cover(seconds) {
  const screen = h("div", {}, h("div", { class: "g-recaptcha" }, h("iframe", { title: "reCAPTCHA", src: "/apiuser/captcha" })));
  screen.className = "cover";
  addEventListener("captcha-solved", () => screen.remove(), { once: true });
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

function painted() {
  const canvas = h("canvas", { width: 300, height: 120 });
  canvas.getContext("2d").fillText(text.user, 10, 40);
  return canvas;
}

async function start() {
  document.documentElement.lang = page.lang;
  const root = h(page.one_form ? "form" : "div", { id: "root" });
  if (page.one_form) root.addEventListener("submit", (event) => event.preventDefault());
  root.id = "root";
  if (config.said && config.says_no !== "dialog") said.textContent = config.said;
  const layouts = { one: () => [login()], two_forms: () => [login(), login()], no_fields: () => [painted()] };
  await later(page.delay + (page.delays.login ?? 0));
  body.append(...layouts[page.layout]());
  root.append(h("h1", {}, text.title), ...(page.signup && !page.one_form ? [signup()] : []), body, panel, said);
  document.body.prepend(root);
  if (page.captcha) cover(page.captcha === "clears" ? 3 : 0);
  if (page.banner) banner();
  if (config.said && config.says_no === "dialog") alert(config.said);
}

start();
