"""A page of a test's own, seen as a login by a server that is not described any further sees it."""

from __future__ import annotations

from pydantic import SecretStr

from autologin.flow.otp import OtpGenerator
from autologin.flows._oauth2_options import OAuth2Credentials, OAuth2Options
from autologin.flows.oauth2 import OAuth2
from autologin.login.forms import selectors
from autologin.login.snapshot import Snapshot, script

SEED = OtpGenerator(SecretStr("JBSWY3DPEHPK3PXP"), lambda _: True, None)
MARKS = """seen => {
  const is = element => element?.dataset?.is || '';
  const sends = element => ['submit', 'image'].includes(element.type);
  const first = element => element.form ? [...element.form.elements].find(sends) : null;
  return seen.elements.map(element => [is(element), is(first(element))]);
}"""
"""By an element's index: what it says that it is, and what the button says that Enter in it presses."""


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


async def look(page, login):
    """A page as it is now, and what each of its elements says that it is."""
    seen = await page.evaluate_handle(script(), {"css": selectors(login), "seen": ""})
    data = await seen.evaluate("seen => seen.data")
    marks = await seen.evaluate(MARKS)
    await seen.dispose()
    return Snapshot.from_json(data), marks
