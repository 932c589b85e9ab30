// The server shows each screen itself, unless the page is a single-page app: then a script sends the forms.
const plain = config.screens;
config.hidden = { tx: config.tx };
given.named = config.user;

async function post(screen, { user, password, code }) {
  const terms = document.querySelector("[name=terms]")?.checked ? "yes" : undefined;
  const data = Object.entries({ tx: config.tx, username: user, password, otp: code, terms }).filter(([, value]) => value !== undefined);
  try {
    const response = await fetch(plain[screen === "totp" ? "code" : screen].action, { method: "POST", body: new URLSearchParams(data) });
    const reply = await response.json();
    if (!response.ok) return { error: reply.error_description ?? text.broken };
    given.named = reply.user;
    return reply.screen === "finish" ? { url: `/finish?tx=${config.tx}` } : { next: reply.screen };
  } catch {
    return { error: text.broken };
  }
}

screens.login = () => {
  const two = page.layout === "two_screens";
  const [user, password] = plain.login.fields;
  const fields = two ? [given.named ? password : user] : [user, password];
  if (config.factor === "with_password") fields.push(...plain.code.fields);
  const made = form("login", { ...plain.login, fields, button: two && !given.named ? "next" : "login" });
  const terms = h("label", {}, h("input", { type: "checkbox", name: "terms", value: "yes" }), ` ${text.terms}`);
  if (page.terms) made.querySelector("button").before(terms);
  return [...(two && given.named ? [h("p", {}, given.named)] : []), made];
};

function asksForCode(sms) {
  const made = form("code", plain.code, { code: sms ? "sms" : "code" });
  const instead = h("a", { href: `/other-factor?tx=${config.tx}` }, text.instead);
  return [h("p", {}, sms ? text.sent : text.hint), made, ...(sms && config.factor === "sms_first" ? [instead] : [])];
}
screens.code = () => asksForCode(config.factor.startsWith("sms"));
screens.totp = () => asksForCode(false);
screens.code.title = screens.totp.title = "code_title";

const hidden = () => h("input", { type: "hidden", name: "tx", value: config.tx });

screens.consent = () => {
  const button = (value, words) => h("button", { type: "submit", name: "decision", value }, words);
  const buttons = [styled("plain", button("deny", text.deny)), button("allow", page.allow ?? text.allow)];
  const rights = h("ul", {}, ...text.rights.map((right) => h("li", {}, right)));
  return [rights, h("form", { method: "post", action: "/consent" }, hidden(), ...buttons)];
};
screens.consent.title = "consent";

screens.notice = () => {
  const onward = h("form", { method: "post", action: "/notice" }, hidden(), h("button", { type: "submit" }, text.later));
  return [h("p", {}, text.notice_why), h("button", { type: "button" }, text.nominee), onward];
};
screens.notice.title = "notice";
