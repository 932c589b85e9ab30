// Fyers' calls, the ways to the client id, Turnstile, and the consent. Ids are given twice, as on the real page.
const here = new URLSearchParams(location.search);
const PATHS = {
  v1: { send: "send_login_otp", verify: "verify_otp", pin: "verify_pin" },
  v2: { send: "send_login_otp_v2", verify: "verify_otp", pin: "verify_pin_v2" },
  v3: { send: "send_login_otp_v3", verify: "verify_otp_v2", pin: "verify_pin_v2" },
}[page.paths];
const packed = (value) => (page.paths === "v1" ? value : btoa(value));

async function call(url, data, headers = {}) {
  try {
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(data) });
    const reply = await response.json();
    return reply.s === "ok" ? reply : { error: reply.message };
  } catch {
    return { error: text.broken };
  }
}

async function post(screen, { user, code, pin }) {
  if (screen === "mobile") return { error: text.broken };
  const calls = {
    id: () => (page.paths === "v3" ? { identifier_value: packed(user) } : { fy_id: packed(user), app_id: "2" }),
    code: () => ({ request_key: given.key, otp: code }),
    pin: () => ({ request_key: given.key, identity_type: "pin", identifier: packed(pin) }),
  };
  const reply = await call(`${config.vagator}/${PATHS[{ id: "send", code: "verify", pin: "pin" }[screen]]}`, calls[screen]());
  if (reply.error) return reply;
  if (screen === "pin") return page.then ? { last: true } : redirected(reply.data.access_token);
  given.key = reply.request_key;
  if (screen === "code") return { next: "pin" };
  return reply.totp ? { next: "code" } : { next: "code", intro: [["h2", "confirm_otp"], ["p", "sent"]], links: [["resend", { id: "resend_otp_timer" }]] };
}

async function redirected(bearer) {
  const [app_id, appType] = here.get("client_id").split("-");
  given.bearer = { authorization: `Bearer ${bearer}` };
  given.asked = {
    app_id, appType, redirect_uri: here.get("redirect_uri"), state: here.get("state"), scope: "", nonce: "", code_challenge: "",
    response_type: "code", create_cookie: true,
  };
  const response = await fetch("/api/v3/token", {
    method: "POST", headers: { "content-type": "application/json", ...given.bearer }, body: JSON.stringify(given.asked),
  }).then((found) => found.json()).catch(() => ({ message: text.broken }));
  if (response.consent) return { next: "consent", app: response.consent.app, bearer };
  return response.Url ? { url: response.Url } : { next: "refused", words: response.message };
}

const plain = (name) => form(name, config.screens[name]);

function tabs() {
  const mobile = h("div", { id: "mobile-input-section" }, plain("mobile"));
  const id = h("div", { id: "clientid-input-section" }, plain("id"));
  const choose = (byId) => { mobile.hidden = byId; id.hidden = !byId; };
  const radio = (name, words, byId) => {
    const input = h("input", { type: "radio", name: "loginType", id: name, value: name, onchange: () => choose(byId) });
    input.checked = !byId;
    return h("label", {}, input, words);
  };
  choose(false);
  return [h("div", { class: "tabs" }, radio("mobile_rb", text.by_mobile, false), radio("clientId_rb", text.by_id, true)), mobile, id];
}

function linked() {
  let deaf = page.deaf ?? 0;
  return [plain("mobile"), link(text.by_id_link, () => { if (deaf-- <= 0) show("just_id"); }, { id: "login_client_id" })];
}

function turnstile() {
  const proof = h("input", { type: "hidden", name: "cf-turnstile-response" });
  const box = h("iframe", { title: "Widget containing a Cloudflare security challenge", src: "/turnstile/captcha" });
  const pass = () => { proof.value = "passed"; dispatchEvent(new Event("captcha-passed")); };
  const wait = { clears: 3, passes: 0.1 }[page.turnstile];
  if (wait) later(wait).then(pass);
  addEventListener("captcha-solved", pass, { once: true });
  return h("div", { id: "captcha1", class: "cf-turnstile" }, box, proof);
}
open = (name) => name !== "id" || !page.turnstile || Boolean(document.querySelector("[name=cf-turnstile-response]")?.value);

screens.just_id = () => [plain("id")];
screens.id = () => {
  const skin = page.layout === "two_forms" ? screens.just_id : { tabs, link: linked, id: screens.just_id }[page.skin];
  if (page.cloned) setTimeout(() => {
    const small = document.querySelector("[data-page]").cloneNode(true);
    small.style.display = "none";
    document.body.prepend(small);
  });
  return [...skin(), ...(page.turnstile ? [turnstile()] : [])];
};

screens.pin = () => (page.pinWrapper ? [h("div", { id: page.pinWrapper }, plain("pin"))] : [plain("pin")]);

screens.consent = ({ app, bearer }) => {
  const box = h("input", { type: "checkbox", id: "permission", name: "permission", class: "checkbox-custom" });
  const allow = h("button", { type: "button", onclick: async () => {
    if (!box.checked) return;
    const reply = await call("/api/v3/direct-login", { ...given.asked, user_id: "", auth: bearer }, given.bearer);
    if (reply.Url) location.href = reply.Url;
  } }, page.allow || text.allow);
  allow.disabled = page.allowOnTick;
  if (page.allowOnTick) listen(box, "change", () => { allow.disabled = !box.checked; });
  document.title = text.grant;
  const ticked = h("div", { class: "permission-checkbox" }, h("label", {}, box, text.permission));
  const cancel = styled("plain", h("button", { type: "button" }, text.deny));
  return [h("h2", {}, text.grant), h("p", {}, `${app} ${text.asks}`), h("p", {}, text.rights[0]), ticked, cancel, allow];
};

screens.change_pin = () => {
  const fields = [h("label", { for: "newpin" }, text.new_pin), h("input", { type: "password", maxlength: 4, id: "newpin" })];
  return [h("form", { id: "changePinForm", class: "step" }, ...fields, h("button", { type: "submit" }, text.change))];
};
screens.refused = ({ words }) => [h("p", { class: "error", role: "alert" }, words)];

function frame() {
  return h("section", { id: "main-login-form", class: "container login-form" }, title, body);
}
