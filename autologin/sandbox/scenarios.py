"""Scenarios: the named ways in which a twin can behave, and the ones that every broker's twin has.

A twin's `Behaviour` is what it does when nothing is switched on. A scenario is one line for a
person and the fields of the behaviour that it changes; fields that are mappings are merged, so
several scenarios can be on at once.
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
    """A call that fails before it does anything: the first time only, or always.

    `page`: something between answers with a page, whatever the broker's own answers look like.
    """

    status: int
    always: bool = False
    retry_after: int | None = None
    page: bool = False


@dataclass(frozen=True)
class Behaviour:
    """What a twin does.

    The defaults are the broker on a good day; a broker's twin adds its own fields.
    """

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
    code_end: str = ""
    """What the code in the redirect ends with."""
    delivery: str = "302"
    """How the redirect reaches the browser; `redirects.py` lists the kinds."""
    state: str = "kept"
    """What becomes of the caller's state in the redirect: kept, lost or wrong."""
    failures: Mapping[str, Failure] = field(default_factory=dict)
    """By the name of the call."""
    page: Mapping[str, Any] = field(default_factory=dict)
    """What the page's script is told; `pages/engine.js` lists what every page understands."""


@dataclass(frozen=True)
class PageBehaviour(Behaviour):
    """What every twin with a login page can do.

    A broker's adds its own fields, and may say more than yes in these.
    """

    door: str = ""
    """Why the login page does not open: access_denied, or a broker's own reason."""
    answer_seconds: float = 0.0
    """How long the answer to a one-time password takes."""
    wrong_password: bool = False
    locked: bool | str = False
    first_use: bool | str = False
    """Whether the app must be allowed first."""
    denied: bool | str = False
    """Whether the redirect brings a denial instead of a code, or which."""
    burns_code_at_502: bool = False
    wrong_secret: bool = False
    wrong_account: bool = False
    dead_token: bool = False


@dataclass(frozen=True)
class Scenario:
    """One line of what happens, what it changes in the behaviour, and what must come of a run.

    `expect` is `issued`, or the name of the error (`otp_rejected`). `logins` is how often a run
    that fails sends a login, where `expected_logins` could not tell by the error. A `silent` page
    leaves the answer to our patience.
    """

    says: str
    changes: Mapping[str, Any]
    expect: str = "issued"
    logins: int = 0
    silent: bool = False

    @property
    def expected_logins(self) -> int:
        """How often a run that fails so sends a login.

        A refused OTP, or a broker that is down, is tried once more.
        """
        return self.logins or (2 if self.expect in {"otp_rejected", "broker_unavailable"} else 1)


AnyBehaviour = TypeVar("AnyBehaviour", bound=Behaviour)


def scenario(
    says: str, *, expect: str = "issued", logins: int = 0, silent: bool = False, **changes: Any
) -> Scenario:
    """A row of a table of scenarios."""
    return Scenario(says, changes, expect, logins, silent)


def combine(
    plain: AnyBehaviour, table: Mapping[str, Scenario], names: Iterable[str]
) -> AnyBehaviour:
    """The behaviour with these scenarios on."""
    changes: dict[str, Any] = {}
    for name in names:
        for key, value in table[name].changes.items():
            merged = isinstance(value, Mapping)
            changes[key] = (
                {**getattr(plain, key), **changes.get(key, {}), **value} if merged else value
            )
    return replace(plain, **changes)


def known(table: Mapping[str, Scenario], names: Iterable[str]) -> tuple[str, ...]:
    """The names in the table's order, each once.

    Raises:
        ValueError: there is no scenario of one of the names.
    """
    wanted = set(names)
    for name in wanted - table.keys():
        near = difflib.get_close_matches(name, table, 1)
        raise ValueError(
            f"there is no scenario {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    return tuple(name for name in table if name in wanted)


def failing(
    places: Mapping[str, str], *, exchange: str = "", proof: str = ""
) -> dict[str, Scenario]:
    """What can become of each call, by its place and in words for a person.

    A 502 the first time, a 502 always, a 429 the first time; an exchange that is cut off or
    answered by a page for maintenance; and a proof of the token that is never had. `proof` is the
    call that verifies a token: a run goes without its answer.
    """
    rows: dict[str, Scenario] = {}
    for place, what in places.items():
        rows[f"broker_502_at_{place}"] = scenario(
            f"The first {what} answers 502", failures={place: Failure(502)}
        )
        rows[f"broker_502_at_{place}_always"] = scenario(
            f"Each {what} answers 502",
            expect="issued" if place == proof else "broker_unavailable",
            failures={place: Failure(502, always=True)},
        )
        rows[f"429_at_{place}"] = scenario(
            f"The first {what} answers 429 with Retry-After: 1",
            failures={place: Failure(429, retry_after=1)},
        )
    if exchange:
        rows["exchange_hangs_once"] = scenario(
            "The first exchange is cut off without an answer; the code still counts",
            failures={exchange: Failure(HANG_UP)},
        )
        rows[f"maintenance_at_{exchange}"] = scenario(
            "The first exchange answers 200 with a page: maintenance",
            failures={exchange: Failure(200, page=True)},
        )
    if proof:
        rows[f"{proof}_429"] = scenario(
            f"The {places[proof]} always answers 429",
            failures={proof: Failure(429, always=True, retry_after=1)},
        )
        rows[f"{proof}_401_page"] = scenario(
            f"The {places[proof]} always answers 401 with a page: not the broker's",
            failures={proof: Failure(401, always=True, page=True)},
        )
    return rows


CLOCK = {
    "clock_behind": scenario(
        "The broker's clock is 35 s behind, and only the present code counts",
        clock_offset=-35.0,
        otp_window=0,
    ),
    "clock_ahead": scenario(
        "The broker's clock is 35 s ahead, and only the present code counts",
        clock_offset=35.0,
        otp_window=0,
    ),
    "no_date_header": scenario("Answers carry no Date header", date_header=False),
    "code_reuse": scenario("The same one-time password is accepted again", code_reuse=True),
}

REDIRECT = {
    "redirect_303": scenario("The redirect is a 303", delivery="303"),
    "redirect_307": scenario("The redirect is a 307", delivery="307"),
    "redirect_chain": scenario(
        "The redirect comes after two more hops at the broker", delivery="chain"
    ),
    "redirect_js": scenario("A script on a page goes to the redirect URI", delivery="js"),
    "redirect_meta": scenario("A meta refresh goes to the redirect URI", delivery="meta"),
    "redirect_form_post": scenario(
        "A form submits itself to the redirect URI, the code is in its body", delivery="form_post"
    ),
    "redirect_fragment": scenario(
        "The code is in the fragment of the redirect", delivery="fragment"
    ),
    "redirect_route": scenario(
        "The code is behind a route in the fragment of the redirect", delivery="route"
    ),
    "redirect_raw": scenario(
        "The code has signs in it, and the redirect carries them as they are",
        delivery="raw",
        code_end="+a%2Bb;c/d==",
    ),
    "redirect_popup": scenario("The redirect URI is opened in a popup", delivery="popup"),
    "redirect_popup_302": scenario(
        "A popup opens a page of the broker that redirects", delivery="popup_302"
    ),
    "state_lost": scenario(
        "The redirect comes without the caller's state", expect="state_mismatch", state="lost"
    ),
    "state_wrong": scenario(
        "The redirect carries somebody else's state", expect="state_mismatch", state="wrong"
    ),
    "expired_code": scenario(
        "The code in the redirect has expired when it arrives",
        expect="exchange_rejected",
        code_ttl=0.0,
    ),
}

FORMS = {
    "slow_page": scenario("The fields appear after 3 s", page={"late": 3}),
    "keeps_old_field": scenario(
        "Each form stays for 700 ms beside the next", page={"keepOld": 700}
    ),
    "listens_to_keys": scenario(
        "The pages notice digits by their keys only", page={"event": "keyup"}
    ),
    "double_submit_counts": scenario(
        "The last digit sends the code after a moment, and the button sends it again, which is refused",
        page={"sendsItself": True, "lag": 300, "guard": False},
        answer_seconds=0.3,
    ),
    "cookie_banner": scenario("A cookie banner covers the button", page={"banner": True}),
    "signup_first": scenario(
        "A sign-up form with a mobile number comes before the login form", page={"signup": True}
    ),
    "other_language": scenario("Every text is Hindi", page={"lang": "hi"}),
    "redesign": scenario(
        "New ids, classes and order, a cookie banner on top, a sign-up form first; labels stay",
        page={"look": "fresh", "banner": True, "signup": True},
    ),
    "redesign_other_language": scenario(
        "New ids and classes, and every text is Hindi; autocomplete and types stay",
        page={"look": "fresh", "lang": "hi"},
    ),
    "placeholders": scenario("No labels, only placeholders", page={"fields": "placeholder"}),
    "no_fields": scenario(
        "The form is painted: there is no field to find",
        expect="page_changed",
        page={"layout": "painted"},
    ),
    "ambiguous": scenario(
        "Two login forms, equal but for where they go",
        expect="page_changed",
        page={"layout": "two_forms"},
    ),
}

ANSWERS = {
    "first_use": scenario("The app was never allowed: a consent page", first_use=True),
    "wrong_password": scenario(
        "Every password is refused", expect="credentials_rejected", wrong_password=True
    ),
    "sms_only": scenario(
        "The one-time password comes by SMS", expect="otp_not_available", page={"sms": True}
    ),
    "wrong_code": scenario("Every code is refused", expect="otp_rejected", refused_codes="all"),
    "wrong_code_once": scenario(
        "The first code is refused, the next right one is not", refused_codes="first"
    ),
    "few_attempts_left": scenario(
        "The first code is refused, and two attempts are left",
        expect="otp_rejected",
        refused_codes="all",
        strikes=2,
    ),
    "locked": scenario("The account is locked", expect="account_locked", locked=True),
    "captcha": scenario(
        "A captcha stands in place of the form",
        expect="captcha_required",
        page={"captcha": "instead"},
    ),
    "captcha_over_form": scenario(
        "A captcha covers the form", expect="captcha_required", page={"captcha": "over"}
    ),
    "captcha_clears": scenario(
        "A captcha covers the form and goes by itself after 3 s", page={"captcha": "clears"}
    ),
    "interstitial": scenario(
        "A page that nobody has seen before comes after the last step",
        expect="page_changed",
        page={"then": "notice"},
    ),
    "access_denied": scenario(
        "The login page answers 403 Access Denied",
        expect="broker_unavailable",
        door="access_denied",
    ),
    "no_redirect": scenario(
        "The last step is accepted, and then nothing happens",
        expect="redirect_timeout",
        page={"then": "nothing"},
    ),
    "denied": scenario(
        "The redirect says error=access_denied", expect="consent_required", denied="access_denied"
    ),
}

TOKENS = {
    "exchange_refused_after_502": scenario(
        "The first exchange answers 502 and uses up the code; a new login's code is fine",
        burns_code_at_502=True,
    ),
    "wrong_secret": scenario(
        "The app's secret is refused", expect="exchange_rejected", wrong_secret=True
    ),
    "wrong_account": scenario(
        "The token is somebody else's", expect="wrong_account", wrong_account=True
    ),
    "dead_token": scenario(
        "The new token is refused at once", expect="token_rejected", dead_token=True
    ),
}

COMMON: dict[str, Scenario] = {**FORMS, **ANSWERS, **TOKENS, **CLOCK, **REDIRECT}
"""The scenarios of every twin with a login page. A twin's own row of the same name takes the place
of one of these."""


def common(without: Iterable[str] = ()) -> dict[str, Scenario]:
    """The common scenarios, but for those that make no sense for a broker.

    Raises:
        ValueError: there is no common scenario of one of the names.
    """
    left_out = set(known(COMMON, without))
    return {name: row for name, row in COMMON.items() if name not in left_out}
