"""What ICICI Direct's API answers, and what that means. Errors come in envelopes, whatever the HTTP status."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from autologin.errors import BrokerUnavailable
from autologin.flow import base

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import httpx

REFUSED = r"resource not available|public key does not exist|invalid session|session (key )?(is|has) (been )?(expired|invalid)"
"""The session or the AppKey is not known; the first also comes as status 500."""


def session_in(response: httpx.Response) -> dict[str, Any]:
    """The customer's details with their session_token; empty where there is none."""
    details = base.json_of(response).get("Success")
    found = isinstance(details, dict) and isinstance(details.get("session_token"), str) and details["session_token"]
    return dict(details) if isinstance(details, dict) and found else {}


def owner_of(details: Mapping[str, Any], user_id: str | None) -> str:
    """Whose session it is, by the user in the pair or by idirect_userid: `user_id` where one of them is it."""
    named = [user_in(str(details.get("session_token") or "")), str(details.get("idirect_userid") or "").strip()]
    ours = (user_id or "").strip().upper()
    return next((name for name in named if name.upper() == ours), named[0] or named[1])


def user_in(pair: str) -> str:
    """The user in base64("user:key"); empty where there is none."""
    try:
        user, colon, _ = base64.b64decode(pair, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return user.strip() if colon else ""


def is_no(response: httpx.Response) -> bool:
    """Whether ICICI says no for good: "Resource not available." with status 500 is its no to an old session."""
    return bool(re.search(REFUSED, str(base.json_of(response).get("Error") or ""), re.IGNORECASE))


def refusal(response: httpx.Response) -> Exception:
    """What an answer without a session means: a refusal, or an outage that came with status 200."""
    envelope = base.json_of(response)
    words, status = envelope.get("Error") or envelope.get("message"), str(envelope.get("Status", response.status_code))
    later = re.fullmatch(r"408|429|5\d\d", status) or re.search(r"limit exceed|try again", str(words), re.IGNORECASE)
    if not is_no(response) and (later or (not envelope and response.status_code == 200)):
        return BrokerUnavailable(f"ICICI Direct said: {words or 'nothing'} (status {status})")
    return base.refused("ICICI Direct", response, words)
