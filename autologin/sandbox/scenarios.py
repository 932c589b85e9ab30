"""Scenarios: the named ways in which a twin can behave, and the ones that every broker's twin has.

A twin's `Behaviour` is what it does when nothing is switched on. A scenario is one line for a person and the fields of
the behaviour that it changes; fields that are mappings are merged, so several scenarios can be on at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

HANG_UP = 0
"""The status of a failure that closes the connection without an answer."""


@dataclass(frozen=True)
class Failure:
    """A call that fails before it does anything: the first time only, or always."""

    status: int
    always: bool = False
    retry_after: int | None = None


@dataclass(frozen=True)
class Behaviour:
    """What a twin does. The defaults are the broker on a good day; a broker's twin adds its own fields."""

    clock_offset: float = 0.0
    """Seconds that the broker's clock is ahead."""
    date_header: bool = True
    otp_window: int = 1
    """How many time steps before and after the present one a code is accepted."""
    code_reuse: bool = False
    """Whether one OTP is accepted twice."""
    refused_codes: str = ""
    """Right OTPs that are refused all the same: all, or the first."""
    strikes: int = 0
    """Wrong OTPs that were there before."""
    code_ttl: float = 180.0
    """Seconds that the code in the redirect lives."""
    delivery: str = "302"
    """How the redirect reaches the browser; `delivery.py` lists the kinds."""
    state: str = "kept"
    """What becomes of the caller's state in the redirect: kept, lost or wrong."""
    failures: Mapping[str, Failure] = field(default_factory=dict)
    """By the name of the call."""
    page: Mapping[str, Any] = field(default_factory=dict)
    """What the page's script is told."""


@dataclass(frozen=True)
class Scenario:
    """One line that says what happens, what it changes in the behaviour, and what must come of a run.

    `expect` is `issued`, or the name of the error (`otp_rejected`). `logins` is how often a run that fails sends a
    login, where `expected_logins` could not tell by the error.
    """

    says: str
    changes: Mapping[str, Any]
    expect: str = "issued"
    logins: int = 0

    @property
    def expected_logins(self) -> int:
        """How often a run that fails so sends a login: a refused OTP, or a broker that is down, is tried once more."""
        return self.logins or (2 if self.expect in {"otp_rejected", "broker_unavailable"} else 1)


AnyBehaviour = TypeVar("AnyBehaviour", bound=Behaviour)


def scenario(says: str, *, expect: str = "issued", logins: int = 0, **changes: Any) -> Scenario:
    """A row of a table of scenarios."""
    return Scenario(says, changes, expect, logins)


def combine(plain: AnyBehaviour, table: Mapping[str, Scenario], names: Iterable[str]) -> AnyBehaviour:
    """The behaviour with these scenarios on."""
    changes: dict[str, Any] = {}
    for name in names:
        for key, value in table[name].changes.items():
            merged = isinstance(value, Mapping)
            changes[key] = {**getattr(plain, key), **changes.get(key, {}), **value} if merged else value
    return replace(plain, **changes)


def known(table: Mapping[str, Scenario], names: Iterable[str]) -> tuple[str, ...]:
    """The names in the table's order, each once.

    Raises:
        ValueError: there is no scenario of one of the names.
    """
    wanted = set(names)
    for name in wanted - table.keys():
        near = difflib.get_close_matches(name, table, 1)
        raise ValueError(f"there is no scenario {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return tuple(name for name in table if name in wanted)


def failing(places: Mapping[str, str]) -> dict[str, Scenario]:
    """For each call: a 502 the first time, a 502 always, a 429 the first time."""
    rows: dict[str, Scenario] = {}
    for place, what in places.items():
        rows[f"broker_502_at_{place}"] = scenario(f"The first {what} answers 502", failures={place: Failure(502)})
        rows[f"broker_502_at_{place}_always"] = scenario(
            f"Each {what} answers 502", failures={place: Failure(502, always=True)}
        )
        rows[f"429_at_{place}"] = scenario(
            f"The first {what} answers 429 with Retry-After: 1", failures={place: Failure(429, retry_after=1)}
        )
    return rows


CLOCK = {
    "clock_behind": scenario(
        "The broker's clock is 35 s behind, and only the present code counts", clock_offset=-35.0, otp_window=0
    ),
    "clock_ahead": scenario(
        "The broker's clock is 35 s ahead, and only the present code counts", clock_offset=35.0, otp_window=0
    ),
    "no_date_header": scenario("Answers carry no Date header", date_header=False),
    "code_reuse": scenario("The same one-time password is accepted again", code_reuse=True),
}

REDIRECT = {
    "redirect_303": scenario("The redirect is a 303", delivery="303"),
    "redirect_307": scenario("The redirect is a 307", delivery="307"),
    "redirect_chain": scenario("The redirect comes after two more hops at the broker", delivery="chain"),
    "redirect_js": scenario("A script on a page goes to the redirect URI", delivery="js"),
    "redirect_meta": scenario("A meta refresh goes to the redirect URI", delivery="meta"),
    "redirect_form_post": scenario("A form submits itself to the redirect URI, the code is in its body", delivery="form_post"),
    "redirect_fragment": scenario("The code is in the fragment of the redirect", delivery="fragment"),
    "redirect_popup": scenario("The redirect URI is opened in a popup", delivery="popup"),
    "redirect_popup_302": scenario("A popup opens a page of the broker that redirects", delivery="popup_302"),
    "state_lost": scenario("The redirect comes without the caller's state", state="lost"),
    "state_wrong": scenario("The redirect carries somebody else's state", state="wrong"),
    "expired_code": scenario("The code in the redirect has expired when it arrives", code_ttl=0.0),
}
