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
from autologin.login.matching import page_kind, submit_button
from autologin.login.snapshot import Snapshot, script
from autologin.login.state import LoginState, Observation

NAMES = {"user id": "user_id", "password": "password", "one-time code": "otp"}
SEED = OtpGenerator(SecretStr("JBSWY3DPEHPK3PXP"), lambda _: True, None)
AT_REST = 100.0
"""Seconds after which nothing more comes: every patience is over."""


@dataclass
class Finding:
    """What is decided; elements are told by their CSS path."""

    page: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    press: str = ""
    """A path, `Enter`, or nothing."""
    refused: str = ""

    @property
    def fills(self):
        """Whether anything is typed."""
        return bool(self.fields)


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


def finding(snapshot, login, state=None):
    """The decision on a page that stays as it is."""
    state = state or LoginState(deadline=math.inf, acted_at=0.0)
    for now in (0.0, AT_REST):
        observed = Observation(now=now, snapshot=snapshot, changed_at=0.0)
        state = interpret.update(login, state, observed)
    action = decide.next_action(login, state, observed)
    kind = page_kind(snapshot)
    if isinstance(action, decide.Fill):
        fields = {
            NAMES[name.name]: [found.path for found in inputs]
            for name, inputs in action.form.inputs.items()
        }
        button = submit_button(snapshot, action.form.group, action.step.press)
        return Finding(kind, fields, button.path if button else "Enter")
    error = getattr(action, "error", None)
    refused = f"{error.name}: {error.message}" if isinstance(error, AutologinError) else "nothing"
    return Finding(kind, refused=refused)


async def look(page, login):
    """A page as it is now."""
    told = {"css": selectors(login), "seen": ""}
    data = await page.evaluate(f"async told => (await ({script()})(told)).data", told)
    return Snapshot.from_json(data)
