"""What the flows of brokers without a login page share: sending JSON, and what a refusal means."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from autologin.errors import (
    AccountLocked,
    BrokerUnavailable,
    CredentialsRejected,
    ExchangeRejected,
    OtpNotAvailable,
    OtpRejected,
)
from autologin.flow import base
from autologin.flow.script import COMMON, attempts_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from pydantic import SecretStr

    from autologin.errors import AutologinError

CODE = r"\bt?otp\b|one.?time.?(pass|code)|authenticator"
ANOTHER = (
    r"\bpass\s?word\b|\bm?pin\b|api.?key|app.?key|consumer.?key|client.?(id|code)|user.?(id|key|name)|vendor.?code"
    r"|\bucc\b|mobile|encry|credential|unauthori[sz]ed|authori[sz]ation|\bdob\b|\bpan\b|\b2fa\b"
)
OFF = r"\bnot (yet )?(been )?(enabled|activated|set ?up|configured)\b"
"""No code is right where the account takes none."""
LATER = r"rate.?limit|access.?rate|too many requests|once (in )?every"
LOCKED = r"(?<!be )(?<!get )(?<!being )\blocked\b"
ADDRESS = r"\bips?\b|whitelist"


def plain(value: SecretStr) -> str:
    """A secret, at the point of use."""
    return value.get_secret_value()


async def posted(
    http: httpx.AsyncClient, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer to a JSON object that is sent, and the JSON object in it.

    Raises:
        BrokerUnavailable: no answer, 5xx, 408 or 429, unless its words say that the account is locked.
    """
    sent = {"Content-Type": "application/json", **headers}
    request = http.build_request("POST", url, content=json.dumps(body), headers=sent)
    response = await base.answer_of(request, http, is_answer=_locked)
    return response, base.json_of(response)


def _locked(response: httpx.Response) -> bool:
    """Whether a 429 is no pace to keep but a lock, which another try would prolong."""
    return response.status_code == 429 and bool(re.search(LOCKED, base.message_of(base.json_of(response)), re.IGNORECASE))


def refusal(
    title: str, response: httpx.Response, words: str, *, code: str = CODE, pause: float | None = None
) -> AutologinError:
    """What an answer without a token means, by the broker's words.

    Words that name both the code and another secret count against the other one: it is never sent again, so that a guess
    cannot lock an account. `code` is what the broker calls its one-time code, `pause` the seconds after which it takes the
    next login where it says that this one came too soon.
    """
    detail = f'{title} said: "{words}" (HTTP {response.status_code})' if words else f"{title} gave no token"
    if found := anyway(title, words, detail, pause=pause):
        return found
    if re.search(ANOTHER, words, re.IGNORECASE):
        return CredentialsRejected(detail)
    if re.search(code, words, re.IGNORECASE):
        off = re.search(OFF, words, re.IGNORECASE)
        return OtpNotAvailable(detail) if off else OtpRejected(detail, attempts_left=attempts_left(words))
    return base.refused(title, response, words)


def anyway(title: str, words: str, detail: str, *, pause: float | None = None) -> AutologinError | None:
    """What words mean in an answer of any kind: a lock, a pace to keep, an address that nobody has registered."""
    if re.search(COMMON[AccountLocked], words, re.IGNORECASE):
        return AccountLocked(detail)
    if re.search(LATER, words, re.IGNORECASE):
        return BrokerUnavailable(detail, retry_after=pause)
    if re.search(ADDRESS, words, re.IGNORECASE):
        return ExchangeRejected(detail, hint=f"Register this machine's address with {title}, then run it again.")
    return None


def by_code(found: AutologinError, kind: type[AutologinError] | None) -> AutologinError:
    """What a refusal means where its words say nothing: what the broker's code for it says."""
    unsaid = type(found) is ExchangeRejected and found.hint == ExchangeRejected.hint
    return kind(found.detail) if unsaid and kind else found
