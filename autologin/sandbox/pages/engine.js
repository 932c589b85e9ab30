// The login page of every twin that has one: it shows the screens that a broker's page.json describes, and does what
// the scenarios say. A broker whose calls or screens are special has a page.js, which is put behind this file: its
// `post` takes the place of the one here, and it may add functions to `screens`.
const config = JSON.parse(document.getElementById("config").textContent);
const page = {
  lang: "en", // en, hi, or another language of the broker's `texts`
  look: "classic", // fresh: other ids, classes and order
  fields: "labels", // placeholder: no labels; bare: nothing but an id
  layout: "full", // two_forms, painted, or one of the broker's `layouts`
  event: "input", // keyup: digits are noticed by their keys only
  sendsItself: false, // true, or the names of the screens that the last digit sends
  guard: true, // false: a form can be sent again while its answer is awaited
  lag: 0, // milliseconds from the last digit until it is sent
  advance: true, // whether the focus goes on to the next of several boxes
  keepOld: 0, // milliseconds that a screen stays beside the next
  late: 0, // seconds until the first screen
  delay: 0, // seconds until each screen
  delays: {}, // the same, by the screen's name
  lateScript: false, // the page hears nothing until a second script has come
  formless: false, // there is no form around the fields
  reused: false, // one and the same element is used for all fields
  captcha: "", // instead (of the form), over (it), clears (after 3 s)
  banner: false, // a cookie banner
  signup: false, // a form for strangers
  then: "", // what follows the last step: notice, nothing, or one of the broker's screens
  sms: false, // the code comes by SMS
  twice: "", // the name of a field that is there twice, without an id
  prefill: {}, // what stands in the fields, by their names
  ...config.page,
};
const text = { ...(TEXTS[page.lang] ?? TEXTS.en), ...config.texts?.[TEXTS[page.lang] ? page.lang : "en"], ...config.texts?.[page.lang] };
const classes = config.classes ?? {};
const fresh = page.look === "fresh";
const native = Boolean(config.native) && page.style !== "spa"; // forms are sent by the browser, not by a script
const later = (seconds) => new Promise((done) => (seconds ? setTimeout(done, seconds * 1000) : done()));
const given = {}; // what was entered so far

// Building blocks

const renamed = (word) => "x" + [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7).toString(36);

let unheard = page.lateScript ? [] : null;
const listen = (element, event, heard) => (unheard ? unheard.push([element, event, heard]) : (element[`on${event}`] = heard));

function listenNow() {
  unheard.forEach(([element, event, heard]) => { element[`on${event}`] = heard; });
  unheard = null;
}

function assign(element, attrs) {
  for (const [name, value] of Object.entries(attrs)) {
    if (name.startsWith("on")) listen(element, name.slice(2), value);
    else if (value === undefined || value === false) continue;
    else if (fresh && ["id", "class", "for"].includes(name)) element.setAttribute(name, value.split(" ").map(renamed).join(" "));
    else element.setAttribute(name, value);
  }
  return element;
}

function h(tag, attrs = {}, ...children) {
  const element = assign(document.createElement(tag), attrs);
  element.append(...children);
  return element;
}

const styled = (name, element) => { element.className = name; return element; }; // a class that no redesign renames
const pressed = (action) => (event) => { event.preventDefault(); action(); };
const link = (words, action, attrs = {}) => h("a", { href: "#", ...attrs, onclick: action && pressed(action) }, words);

// Fields

const single = document.createElement("input"); // the element that all fields share in `reused`

function input(attrs) {
  if (!page.reused) return h("input", attrs);
  for (const { name } of [...single.attributes]) single.removeAttribute(name);
  single.value = "";
  return assign(single, attrs);
}

// One input with its label, or a box for each digit. What page.json says of it is at `Field` in page.py
function field(spec, labels = {}) {
  const told = { ...spec, ...spec.variants?.[page[spec.name]] };
  const label = text[labels[spec.name] ?? (page.sms && spec.name === "code" ? "sms" : told.label ?? spec.name)];
  const attrs = { value: page.prefill[spec.name], ...told.input };
  const bare = page.fields === "bare", inside = page.fields === "placeholder" || told.inside;
  if (told.alias && (fresh || bare)) attrs.name = told.alias;
  if (told.autocomplete) attrs.autocomplete = (fresh || config.autocomplete) && page.fields === "labels" ? told.autocomplete : undefined;
  if (fresh) attrs.label = undefined;
  if (page.fields === "placeholder") attrs.id = `p-${spec.name}`;
  const count = told.boxes ?? 1;
  let nodes, inputs;
  if (count > 1) {
    inputs = Array.from({ length: count }, (_, at) => h("input", { ...attrs, maxlength: 1, ...told.each?.[at] }));
    nodes = [...(inside || told.silent ? [] : [h("p", {}, label)]), styled("row", h("div", { id: told.row }, ...inputs))];
  } else if (bare) {
    inputs = [input({ type: attrs.type, id: told.bare ?? attrs.id, name: attrs.name })];
    nodes = inputs;
  } else {
    inputs = [input({ ...attrs, id: attrs.id ?? (told.wrapped || told.silent ? undefined : `f-${spec.name}`), placeholder: inside ? label : attrs.placeholder })];
    const caption = h("label", { class: classes.label, for: told.wrapped ? undefined : inputs[0].id && (attrs.id ?? `f-${spec.name}`) }, label);
    nodes = told.silent || inside ? inputs : told.wrapped ? [caption] : [caption, ...inputs];
    if (told.wrapped) caption.append(inputs[0]);
    if (classes.group !== undefined) nodes = [h("div", { class: told.silent || told.wrapped ? undefined : classes.group }, ...nodes)];
  }
  const typed = () => inputs.map((box) => box.value).join("");
  const made = { spec: told, nodes, inputs, heard: "" };
  made.value = () => (page.event === "keyup" && told.digits ? made.heard : typed());
  made.hear = () => {
    if (told.digits && count === 1 && inputs[0].value.length > told.digits) inputs[0].value = inputs[0].value.slice(0, told.digits);
    made.heard = typed();
  };
  made.clear = () => { inputs.forEach((box) => { box.value = ""; }); made.heard = ""; };
  made.missing = () => Boolean(config.waits) && made.value().length < (told.digits ?? told.length ?? 0);
  return made;
}

// Forms

let open = () => true; // whether a screen's form may be sent

function form(name, { fields, intro = [], button = "next", id, button_id, button_class = classes.button, links = [], action, next }, labels) {
  const twins = fields.filter((spec) => spec.name === page.twice).map((spec) => ({ ...spec, input: { type: spec.input.type } }));
  const made = [...fields.map((spec) => twins.find((twin) => twin.name === spec.name) ?? spec), ...twins].map((spec) => field(spec, labels));
  const inputs = made.flatMap((one) => one.inputs);
  const values = () => Object.fromEntries(made.slice(0, fields.length).map((one) => [one.spec.name, one.value()]));
  const said = h("div");
  const loose = page.formless || config.formless;
  const press = config.button_tag === "input" ? h("input", { type: "button", id: button_id, value: text[button] })
    : h("button", { type: loose ? "button" : "submit", id: button_id, class: button_class }, text[button]);
  const self = page.sendsItself === true || [].concat(page.sendsItself).includes(name);
  let busy = false, turn = 0, sent = "";
  const refuse = (words) => said.replaceChildren(...(words ? [h("p", { id: config.error_id, class: classes.error ?? "error", role: "alert" }, words)] : []));
  const ready = () => { press.disabled = (busy && page.guard) || made.some((one) => one.missing()) || !open(name); };
  const send = async () => {
    if ((busy && page.guard) || !open(name)) return;
    busy = true;
    refuse("");
    ready();
    const mine = ++turn;
    Object.assign(given, values());
    const reply = next ? { next } : await post(name, { ...given });
    if (mine !== turn) return; // a newer submit has taken this one's place
    if (reply.error === undefined) return leave(reply);
    busy = false;
    made.filter((one) => one.spec.digits).forEach((one) => one.clear());
    sent = "";
    ready();
    refuse(reply.error);
    (made.find((one) => one.spec.digits) ?? made[0]).inputs[0].focus();
  };
  const typed = async (event) => {
    const at = inputs.indexOf(event.target);
    const last = made.at(-1);
    made.forEach((one) => one.hear());
    ready();
    if (page.advance && event.target.value && event.target.maxLength === 1) inputs[at + 1]?.focus();
    if (!self || !last.spec.digits || last.value().length < last.spec.digits || last.value() === sent) return;
    sent = last.value();
    await later(page.lag / 1000);
    if (native) around.requestSubmit();
    else send();
  };
  inputs.forEach((one) => listen(one, page.event, typed));
  addEventListener("captcha-passed", ready);
  const groups = fresh ? [...made].reverse() : made;
  const nodes = [...intro.map(([tag, words, its]) => h(tag, { id: its }, text[words])), ...groups.flatMap((one) => one.nodes)];
  const go = classes.actions ? h("div", { class: classes.actions }, press) : press;
  const ties = links.map(([words, attrs]) => h("div", {}, link(text[words], null, attrs)));
  const hidden = Object.entries(native ? config.hidden : {}).map(([key, value]) => h("input", { type: "hidden", name: key, value }));
  const parts = fresh ? [...hidden, ...ties, ...nodes, said, go] : [...hidden, ...nodes, said, go, ...ties];
  const around = h(loose ? "div" : "form", { id, class: classes.form, ...(native ? { method: "post", action } : {}) }, ...parts);
  if (loose) listen(press, "click", send);
  else if (!native) listen(around, "submit", (event) => { event.preventDefault(); if (!press.disabled || !page.guard) send(); });
  if (config.said) refuse(config.said);
  ready();
  return around;
}

// What the page calls: gives `error` (the words of a refusal), `next` (a screen), `url`, or a `form` to be sent.
// `last`: it was the last step

async function post(screen, values) {
  const body = JSON.stringify({ visit: config.visit, ...values });
  try {
    return await (await fetch(`/session/${screen}`, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
  } catch {
    return { error: text.broken };
  }
}

function leave({ url, next, form, last, ...data }) {
  if (last && page.then) return show(page.then === "nothing" ? "waiting" : page.then, data);
  if (url) return location.assign(url);
  if (form) {
    document.body.append(form);
    return form.submit();
  }
  if (next) return show(next, data);
}

// Screens. A screen is shown in place of the last one, on the same page

const title = document.createElement(config.heading ?? "h1");
const body = h("div");
const screens = { consent, notice, waiting, ...config.screens };
let shown = false;

function nodesOf(name, data) {
  const screen = screens[name];
  if (typeof screen === "function") return screen(data);
  return [form(name, { ...screen, intro: data.intro ?? screen.intro, links: data.links ?? screen.links }, data.labels)];
}

async function show(name, data = {}) {
  const first = !shown;
  shown = true;
  await later(page.delay + (page.delays[name] ?? 0) + (first ? page.late : 0));
  const old = [...document.querySelectorAll("[data-first]"), ...body.children];
  const layout = first ? page.layout : "";
  const nodes = layout === "painted" ? [painted()] : await nodesOf(name, data);
  if (layout === "two_forms") {
    const others = await nodesOf(name, data);
    const forms = others.flatMap((node) => (node.matches("form") ? [node] : [...node.querySelectorAll("form")]));
    forms.forEach((one) => { one.action = "/elsewhere"; });
    nodes.push(...others);
  }
  title.textContent = text[screens[name]?.title ?? config.title ?? "title"];
  const keep = page.keepOld && !first;
  if (!first) old.filter((node) => !keep).forEach((node) => node.remove());
  body.append(...nodes);
  if (keep) later(page.keepOld / 1000).then(() => old.forEach((node) => node.remove()));
  nodes.at(-1)?.querySelector?.("input:not([type=hidden])")?.focus();
}

function consent() {
  const decide = (allowed) => async () => leave(await post("consent", { ...given, allowed }));
  const deny = styled("plain", h("button", { type: "button", onclick: decide(false) }, text.deny));
  const rights = h("ul", {}, ...text.rights.map((right) => h("li", {}, right)));
  return [h("h2", {}, text.consent), rights, deny, h("button", { type: "button", onclick: decide(true) }, page.allow ?? text.allow)];
}

function notice() {
  const onward = async () => leave(await post("notice", { ...given }));
  return [h("h2", {}, text.notice), h("p", {}, text.notice_why), h("button", { type: "button" }, text.nominee), link(text.later, onward)];
}

function waiting() {
  return [];
}
waiting.title = "wait";

function painted() {
  const canvas = h("canvas", { width: 300, height: 120 });
  canvas.getContext("2d").fillText(`${text.user} ${text.password}`, 10, 40);
  return canvas;
}

// What can stand in the way

function signup() {
  const one = ([name, type]) => {
    const shown = text[`signup_${name}`];
    if (config.signup_inside) return [h("input", { type, placeholder: shown })];
    return [h("label", { class: classes.label, for: `signup-${name}` }, shown), h("input", { id: `signup-${name}`, type })];
  };
  const fields = (config.signup ?? [["name", "text"], ["email", "email"], ["phone", "tel"], ["password", "password"]]).flatMap(one);
  const made = h("form", { class: classes.form }, h("h2", {}, text.signup), ...fields, h("button", { type: "submit" }, text.signup_go));
  made.dataset.first = "";
  made.onsubmit = pressed(() => fetch(config.signup_at ?? "/signup", { method: "POST" }));
  return made;
}

function captcha(solved) {
  addEventListener("captcha-solved", solved, { once: true });
  return h("div", { class: "g-recaptcha" }, h("iframe", { title: "reCAPTCHA", src: config.captcha_at ?? "/recaptcha/anchor" }));
}

function cover(seconds) {
  const screen = styled("cover", h("div", {}, captcha(() => screen.remove())));
  document.body.append(screen);
  if (seconds) later(seconds).then(() => screen.remove());
}

function banner() {
  const gone = () => bar.remove();
  const buttons = [text.accept, text.reject].map((words) => h("button", { type: "button", onclick: gone }, words));
  const bar = styled("banner", h("div", { role: "dialog" }, h("p", {}, text.cookies), ...buttons));
  document.body.append(bar);
}

// What is around the screens
function frame() {
  return h(config.root ?? "main", { id: "root" }, title, body);
}

async function start() {
  document.documentElement.lang = page.lang === "hi" ? "hi" : "en";
  const root = frame();
  root.dataset.page = "";
  document.body.prepend(root);
  const first = config.screen ?? config.layouts?.[page.layout] ?? config.first;
  if (config.screen) return show(first, config.data);
  if (page.signup) body.before(signup());
  if (page.captcha === "instead") return later(page.delay).then(() => body.append(h("p", {}, text.robot), captcha(() => { body.replaceChildren(); show(first); })));
  await show(first, config.data);
  if (page.captcha === "over") cover(0);
  if (page.captcha === "clears") cover(3);
  if (page.banner) banner();
}
