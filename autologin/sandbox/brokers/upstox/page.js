// The calls of Upstox's login service, the QR code, and the PIN that was never set.
const here = new URLSearchParams(location.search);
const back = () => new URLSearchParams({ client_id: here.get("client_id"), redirect_uri: here.get("redirect_uri") });
const PATHS = {
  known: { verify: "/login/open/v4/auth/1fa/otp-totp/verify", pin: "/login/open/v3/auth/2fa" },
  other: { verify: "/login/open/v7/auth/1fa/totp", pin: "/login/open/v7/auth/secret-pin" },
}[page.paths];

async function call(path, data) {
  const id = `WPRO-${Math.random().toString(36).slice(2, 12).padEnd(10, "0")}`;
  const device = "platform=WEB|osName=Linux|osVersion=Chrome|appVersion=4.0.0|modelName=Chrome|uuid=sandbox";
  const headers = { "content-type": "application/json", "x-device-details": device, "x-request-id": id };
  try {
    const response = await fetch(config.service + path, { method: "POST", credentials: "include", headers, body: JSON.stringify({ data }) });
    const reply = await response.json();
    return reply.success ? reply.data : { error: reply.error?.message ?? reply.errors?.[0]?.message ?? text.broken };
  } catch {
    return { error: text.broken };
  }
}

async function approve(yes) {
  const query = `${back()}&requestId=WPRO-0123456789&response_type=code`;
  const reply = await call(`/login/v2/oauth/authorize?${query}`, { userOAuthApproval: yes });
  return reply.error ? { next: "refused", words: reply.error } : { url: reply.redirectUri };
}

async function post(screen, { mobile, code, pin, allowed }) {
  if (screen === "consent") return approve(allowed);
  if (screen === "notice") return approve(true);
  if (screen === "mobile") {
    const reply = await call("/login/open/v6/auth/1fa/otp/generate", { mobileNumber: mobile, userId: here.get("user_id") });
    given.ticket = reply.validateOTPToken;
    const known = reply.isTotpEnabled && !page.sent;
    return reply.error ? reply : { next: "otp", ...(known ? {} : { labels: { code: "otp" }, intro: [["p", "sent"]] }) };
  }
  if (screen === "otp") {
    const reply = await call(PATHS.verify, { otp: code, validateOtpToken: given.ticket });
    return reply.error ? reply : { next: page.then_otp };
  }
  const reply = await call(`${PATHS.pin}?${back()}`, { twoFAMethod: "SECRET_PIN", inputText: btoa(pin) });
  if (reply.error) return reply;
  if (page.then) return { last: true };
  return reply.isExternalClientOAuthApp ? { next: "consent" } : approve(true);
}

screens.refused = ({ words }) => [h("p", { class: "error", role: "alert" }, words)];
screens.create_pin = () => {
  const one = (words, at) => h("div", {}, h("label", { for: `new${at}` }, words), h("input", { id: `new${at}`, type: "password", maxlength: 6 }));
  return [h("form", { class: "step" }, ...[text.create_pin, text.repeat_pin].map(one), h("button", { type: "submit" }, text.next))];
};
screens.qr = () => [h("p", {}, text.qr), styled("qr", h("div")), h("button", { type: "button", onclick: () => show("mobile") }, text.use_number)];
if (page.qr) config.first = "qr";
