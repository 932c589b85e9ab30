"""One login form in as many shapes as a seed says: order, names, wrappers, labels, decoys, other forms beside it.

Its own elements say in `data-is` what they are; nothing else on the page may be filled or pressed.
"""

from __future__ import annotations

import string

USERS = ("User ID", "Client ID", "Client code", "Username", "Login ID", "Customer ID", "User name")
PASSWORDS = ("Password", "Your password", "Account password", "Login password")
SENDS = ("Login", "Log in", "Sign in", "Continue", "Proceed", "Submit", "Next")
ASIDE = ("Forgot password?", "Show", "Help", "Clear", "Sign up", "Login with Google", "Back")
HIDES = (
    "display:none",
    "visibility:hidden",
    "position:absolute;left:-5000px",
    "position:absolute;top:-5000px",
    "position:absolute;clip-path:inset(50%)",
    "position:absolute;clip:rect(0 0 0 0);width:1px;height:1px;overflow:hidden",
    "height:0;overflow:hidden",
    "width:0;height:0;overflow:hidden;position:absolute",
    "opacity:0;position:absolute;pointer-events:none",
)
OTHERS = (
    '<form role=search><input name=q placeholder="Search stocks, funds"><button>Search</button></form>',
    '<form><input type=email name=email placeholder="Your e-mail"><button>Subscribe</button></form>',
    "<form><h3>New here?</h3><label>Full name <input name=full></label><label>Mobile number <input type=tel name=mobile></label><button>Open an account</button></form>",
    '<form><input placeholder="Enter a pincode" maxlength=6><button>Check</button></form>',
    "<form><h3>Create an account</h3><label>E-mail <input type=email></label><label>New password <input type=password></label><label>Confirm password <input type=password></label><button>Create account</button></form>",
)


def permuted(pick, sent=""):
    """A page with one login that a person would find at once; or with its code, where the password was sent."""
    word = lambda: "".join(pick.choices(string.ascii_lowercase, k=7))  # noqa: E731
    style = pick.choice(LABELS)
    user = style(
        pick, word(), pick.choice(USERS), pick.choice(("text", "text", "email", "tel")), "user_id"
    )
    password = style(pick, word(), pick.choice(PASSWORDS), "password", "password")
    name = pick.choice(("TOTP", "6 digit TOTP", "Authenticator code"))
    code = style(pick, word(), name, "text", "otp")
    fields = [code] if sent else [user, password, *([code] if pick.random() < 0.3 else [])]
    # Where a label says what a box is, its place does not matter.
    if pick.random() < 0.3:
        pick.shuffle(fields)
    for _ in range(pick.randrange(3)):
        fields.insert(pick.randrange(len(fields) + 1), hidden(pick, word))
    if pick.random() < 0.3:
        tick = "<label><input type=checkbox> Remember me</label>"
        fields.append(tick)
    before = [f"<button type=button>{pick.choice(ASIDE)}</button>"] if pick.random() < 0.2 else []
    body = [*before, *fields, *buttons(pick)]
    form = wrapped(pick, "".join(wrapped_one(pick, one) for one in body))
    others = pick.sample(OTHERS, 0 if sent else pick.randrange(3))
    parts = [*others, form]
    if pick.random() < 0.3:
        copy = form.replace(" data-is=", " data-was=")
        parts.append(f'<div style="{pick.choice(HIDES)}">{copy}</div>')
    pick.shuffle(parts)
    heading = pick.choice(
        ("<h1>Login</h1>", "<h1>Welcome back</h1>", "<header>Broker</header>", "")
    )
    return heading + "".join(f"<section>{part}</section>" for part in parts)


def wrapped(pick, body):
    """The form, or what stands in a form's place."""
    tags = (
        ("form", "form"),
        ("form method=post", "form"),
        ("div", "div"),
        ("div role=form", "div"),
    )
    opens, closes = pick.choice(tags)
    return f"<{opens}>{body}</{closes}>"


def wrapped_one(pick, html):
    """A field as deep as pages put it."""
    for _ in range(pick.randrange(3)):
        tag = pick.choice(("div", "p", "div class=row", "span"))
        html = f"<{tag}>{html}</{tag.split()[0]}>"
    return html


def buttons(pick):
    """The one that sends, and others after it or before it."""
    kind = pick.choice(("submit", "submit", "button"))
    name = pick.choice(SENDS)
    send = pick.choice(
        (
            f"<button type={kind} data-is=press>{name}</button>",
            f'<input type={kind} value="{name}" data-is=press>',
            f"<button type={kind} data-is=press><b>{name}</b></button>",
        )
    )
    aside = [f"<button type=button>{one}</button>" for one in pick.sample(ASIDE, pick.randrange(3))]
    return [*aside, send] if pick.random() < 0.5 else [send, *aside]


def hidden(pick, word):
    """A decoy that nobody sees."""
    style = pick.choice(HIDES)
    inside = pick.choice(
        (
            f"<label>User ID <input name={word()}></label>",
            "<input type=password name=password>",
            "<input name=username autocomplete=username>",
            "<label>E-mail <input type=email name=email></label>",
        )
    )
    return f'<div style="{style}">{inside}</div>'


def _box(name, kind, is_, more=""):
    length = " maxlength=6 inputmode=numeric" if is_ == "otp" else ""
    return f"<input type={kind} name={name}{length} data-is={is_}{more}>"


def _by_for(_pick, name, label, kind, is_):
    return f"<label for={name}>{label}</label>{_box(name, kind, is_, f' id={name}')}"


def _by_wrapping(_pick, name, label, kind, is_):
    return f"<label>{label} {_box(name, kind, is_)}</label>"


def _by_aria(_pick, name, label, kind, is_):
    return _box(name, kind, is_, f' aria-label="{label}"')


def _by_labelledby(_pick, name, label, kind, is_):
    return f"<span id={name}l>{label}</span>{_box(name, kind, is_, f' aria-labelledby={name}l')}"


def _by_placeholder(_pick, name, label, kind, is_):
    return _box(name, kind, is_, f' placeholder="{label}"')


def _by_place(_pick, name, label, kind, is_):
    return f"<div><span>{label}</span> {_box(name, kind, is_)}</div>"


def _by_floating(_pick, name, label, kind, is_):
    return (
        f'<div style="position:relative">{_box(name, kind, is_, f" id={name} placeholder=&nbsp;")}'
        f'<label for={name} style="position:absolute;left:8px;top:2px;pointer-events:none">{label}</label></div>'
    )


LABELS = (_by_for, _by_wrapping, _by_aria, _by_labelledby, _by_placeholder, _by_place, _by_floating)
