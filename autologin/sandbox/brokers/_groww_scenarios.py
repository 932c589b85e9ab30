"""What Groww's twin can be told to do."""

from __future__ import annotations

from dataclasses import dataclass

from autologin.sandbox.api_twin import CODES, ApiBehaviour, calls
from autologin.sandbox.scenarios import Scenario, scenario


@dataclass(frozen=True)
class GrowwBehaviour(ApiBehaviour):
    """What only Groww's twin can do."""

    refused_key: bool = False
    approval: str = ""
    """How a key without today's approval is answered: 403, 403_html, or in words with a 400 or a 401."""
    otp_words: str = "message"
    """Where a refused code's words stand: message, display or code (GA005 with the words in `message`)."""
    plain_refusal: bool = False
    """A 400 with GA005 that says nothing of the reason."""
    reply: str = "flat"
    """The shape of a token's answer: flat, payload, active, empty."""
    expiry: str = "plain"
    """How the end is told: plain (no zone), zone, missing, garbled, past, far."""
    profile: str = "payload"
    """The shape of the profile: payload, flat, nobody, failure (200 with a FAILURE envelope), 403."""


ANSWERS = {
    "wrong_key": scenario("The API key is refused with 401", refused_key=True),
    "approval_missing_403": scenario("Today's approval is missing: 403 with GA005", approval="403"),
    "approval_missing_403_html": scenario("Today's approval is missing: 403 with a page", approval="403_html"),
    "approval_missing_400": scenario("Today's approval is missing: 400, in words", approval="400"),
    "approval_missing_401": scenario("Today's approval is missing: 401, in words", approval="401"),
    "wrong_code_display": scenario(
        "Every code is refused; the words are where the SDK reads them", refused_codes="all", otp_words="display"
    ),
    "wrong_code_ga005": scenario("Every code is refused with GA005", refused_codes="all", otp_words="code"),
    "few_attempts_left": scenario(
        "The first code is refused, and two attempts are left", refused_codes="all", strikes=2, attempts_shown=True
    ),
    "plain_refusal": scenario("A 400 with GA005 and no reason", plain_refusal=True),
}

TOKENS = {
    "token_in_payload": scenario("The token is in a payload", reply="payload"),
    "active_for_isactive": scenario("The reply says active, not isActive", reply="active"),
    "no_token": scenario("200, but no token", reply="empty"),
    "expiry_with_zone": scenario("The expiry has a zone", expiry="zone"),
    "expiry_missing": scenario("There is no expiry", expiry="missing"),
    "expiry_garbled": scenario("The expiry is no time", expiry="garbled"),
    "expiry_past": scenario("The expiry has passed", expiry="past"),
    "expiry_far": scenario("The expiry is a week away", expiry="far"),
    "profile_flat": scenario("The profile has no envelope", profile="flat"),
    "profile_nobody": scenario("The profile names nobody", profile="nobody"),
    "profile_failure": scenario("The profile is a FAILURE envelope with 200", profile="failure"),
    "profile_403": scenario("The profile answers 403", profile="403"),
}

CALLS = calls({"access": "call for a token"}, {"profile": "profile call"})
SCENARIOS: dict[str, Scenario] = {**ANSWERS, **CODES, **TOKENS, **CALLS}
