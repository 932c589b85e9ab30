// Kite's calls, its choice of second factors, and the pages behind the login.
const here = new URLSearchParams(location.search);
const ours = () => new URLSearchParams({ api_key: here.get("api_key"), sess_id: here.get("sess_id") });
const device = crypto.randomUUID?.() ?? "sandbox"; // only there on https and loopback

async function call(path, data) {
  const token = document.cookie.match(/public_token=([^;]*)/)?.[1] ?? "";
  const headers = { "X-Kite-Version": "3.0.0", "X-Kite-Userid": data.user_id, "X-Kite-App-UUID": device, "X-CSRFTOKEN": token };
  try {
    const reply = await (await fetch(path, { method: "POST", headers, body: new URLSearchParams(data) })).json();
    return reply.status === "success" ? { data: reply.data } : { error: reply.message };
  } catch {
    return { error: text.broken };
  }
}

async function post(screen, values) {
  if (screen === "twofa") {
    const { user_id, request_id, kind } = given;
    const reply = await call("/api/twofa", { user_id, request_id, twofa_value: values.code, twofa_type: kind, skip_session: "" });
    return reply.error ? reply : { url: page.then === "nothing" ? undefined : `/connect/finish?${ours()}`, next: "waiting" };
  }
  const reply = await call("/api/login", { user_id: values.user.trim(), password: values.password, type: "user_id" });
  if (reply.error) return reply;
  Object.assign(given, reply.data, { kind: reply.data.twofa_type });
  return { next: "twofa" };
}

const screen = config.screens;
const known = page.user ?? config.user;
if (page.layout === "password_only") given.user = known;

screens.known = () => {
  const change = link(text.change_user, () => { page.layout = "full"; show("login"); }, { class: "forgot-link" });
  return [h("h4", { class: "userid" }, given.user), form("password", { ...screen.password, links: screen.login.links.slice(0, 1) }), h("div", {}, change)];
};

screens.twofa = () => {
  const label = text[given.kind];
  const [code] = screen.twofa.fields;
  const named = { ...code, input: { ...code.input, label }, variants: { ...code.variants, older: { input: { ...code.variants.older.input, label } } } };
  const made = form("twofa", { ...screen.twofa, fields: [named] }, { code: given.kind });
  const other = link(`${text.problem} ${label}?`, () => show("options"), { class: "forgot-link" });
  made.append(h("div", {}, other));
  return [made];
};
screens.twofa.title = "twofa";

screens.options = () => {
  const pick = async (kind) => {
    if (kind === "sms") await call("/api/twofa/sms", { user_id: given.user_id, request_id: given.request_id });
    given.kind = kind;
    show("twofa");
  };
  const kinds = given.twofa_types.filter((kind) => kind !== given.kind);
  return kinds.map((kind) => h("div", { class: "twofa-option", tabindex: 0, onclick: () => pick(kind) }, text[kind]));
};
screens.options.title = "twofa";

screens.consent = async () => {
  const { data } = await (await fetch(`/api/connect/session?${ours()}`)).json();
  const values = { ...Object.fromEntries(ours()), authorize: data.public_token };
  const hidden = Object.entries(values).map(([name, value]) => h("input", { type: "hidden", name, value }));
  const allow = h("button", { type: "submit", class: "button-orange wide" }, text.authorize);
  const rights = h("ul", {}, ...text.rights.map((right) => h("li", {}, right)));
  const cancel = h("a", { href: `/connect/cancel?${ours()}`, class: "cancel" }, text.cancel);
  return [rights, h("form", { method: "post", action: "/connect/finish" }, ...hidden, allow), cancel];
};
screens.consent.title = "consent";

screens.notice = () => [
  h("p", {}, text.notice_why), h("button", { type: "button" }, text.nominee),
  h("a", { href: `/connect/finish?${ours()}&later=1`, class: "later" }, text.later),
];
screens.notice.title = "notice";

function frame() {
  return h("div", { id: "container" }, h("div", {}, h("div", { class: "login-form" }, h("div", {}, title), body)));
}
