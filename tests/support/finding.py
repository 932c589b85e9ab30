"""What would be filled and pressed on a page that has come to rest, as `decide` says it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pydantic import SecretStr

from autologin.errors import AutologinError
from autologin.flow.otp import OtpGenerator
from autologin.flows._oauth2_options import OAuth2Credentials, OAuth2Options
from autologin.flows.oauth2 import OAuth2
from autologin.login import decide, interpret
from autologin.login.forms import selectors
from autologin.login.snapshot import Snapshot, script
from autologin.login.state import LoginState, Observation

try:
    from autologin.login.buttons import submit_button
    from autologin.login.page_kinds import page_kind
except ImportError:
    from autologin.login import matching
    from autologin.login.matching import page_kind

    def submit_button(snapshot, form, press):
        return matching.submit_button(snapshot, form.group, press)


NAMES = {"user id": "user_id", "password": "password", "one-time code": "otp"}
SEED = OtpGenerator(SecretStr("JBSWY3DPEHPK3PXP"), lambda _: True, None)
AT_REST = 100.0
"""Seconds after which nothing more comes: every patience is over."""
MARKS = """seen => {
  const is = element => element?.dataset?.is || '';
  const sends = element => ['submit', 'image'].includes(element.type);
  const first = element => element.form ? [...element.form.elements].find(sends) : null;
  return seen.elements.map(element => [is(element), is(first(element))]);
}"""
"""By an element's index: what it says that it is, and what the button says that Enter in it presses."""


@dataclass
class Finding:
    """What is decided; elements are told by their index and by their CSS path."""

    page: str
    fields: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    press: tuple[int, str] | None = None
    """None: Enter in the last box, where something is filled."""
    refused: str = ""
    snapshot: Snapshot | None = field(default=None, repr=False)


def oauth2_script(**options):
    """The script of a server that is not described any further."""
    told = {
        "client_id": "app",
        "redirect_uri": "https://app.example/callback",
        "user_id": "AB1234",
        "password": "Pl4nt3d-pass",
        "totp_secret": "JBSWY3DPEHPK3PXP",
    }
    endpoints = {"authorize": "https://login.example/a", "token": "https://login.example/t"}
    flow = OAuth2(OAuth2Credentials(**told), endpoints, OAuth2Options(**options))
    return flow.login_script(SEED)


def state_after(login, sent=""):
    """A login's state on its first page, or after the credentials."""
    state = LoginState(deadline=math.inf, acted_at=0.0)
    if not sent:
        return state
    last = next(step for step in login.steps if not step.whole)
    return LoginState(
        deadline=math.inf,
        acted_at=0.0,
        entered=frozenset(last.values),
        secrets_sent=True,
        last_step=last,
        accepted=True,
    )


def finding(snapshot, login, sent=""):
    """The decision on a page that stays as it is."""
    state = state_after(login, sent)
    for now in (0.0, AT_REST):
        observed = Observation(now=now, snapshot=snapshot, changed_at=0.0)
        state = interpret.update(login, state, observed)
        action = decide.next_action(login, state, observed)
        if now and isinstance(action, decide.Fill):
            break
    kind = page_kind(snapshot)
    if isinstance(action, decide.Fill):
        fields = {
            NAMES[name.name]: [(found.index, found.path) for found in inputs]
            for name, inputs in action.form.inputs.items()
        }
        button = submit_button(snapshot, action.form, action.step.press)
        press = (button.index, button.path) if button else None
        return Finding(kind, fields, press, snapshot=snapshot)
    error = getattr(action, "error", None)
    refused = f"{error.name}: {error.message}" if isinstance(error, AutologinError) else "nothing"
    return Finding(kind, refused=refused, snapshot=snapshot)


async def look(page, login):
    """A page as it is now, and what each of its elements says that it is."""
    seen = await page.evaluate_handle(script(), {"css": selectors(login), "seen": ""})
    data = await seen.evaluate("seen => seen.data")
    marks = await seen.evaluate(MARKS)
    await seen.dispose()
    return Snapshot.from_json(data), marks
