"""What must hold for a token of each broker with a login page, beside the outcome that its scenario names."""

from __future__ import annotations

from datetime import datetime, timedelta

from autologin.clock import IST

PASSWORD_CALL = {"zerodha": "login", "upstox": "pin", "fyers": "pin", "icici_breeze": "getotp"}
PASSWORD_CALL |= {"oauth2": "login", "icici_oauth": "login"}
"""The call that carries the password or PIN. The other brokers' `enter` carries it, and sometimes the code too."""
ENDS = {
    "zerodha": "06:00",
    "upstox": "03:30",
    "fyers": "06:00",
    "icici_breeze": "00:00",
    "flattrade": "05:00",
}
ENDS |= dict.fromkeys(("shoonya", "zebu", "tradesmart", "aliceblue", "iiflcapital"), "00:00")
"""When a token dies, in India."""
LIFETIMES = {
    "jwt_token": 3600,
    "expires_in_text": 5400,
    "ends_after_seconds": 7200,
    "no_expires_in": None,
    "ends_at_six": None,
}
"""Seconds that an OAuth 2.0 token lives, where it is not the twin's own number; None: until 06:00 in India."""
EXCHANGE_CALL = {"oauth2": "token", "icici_oauth": "token"}
"""The call that takes the code; `exchange` for the others."""


def users_of(twin):
    return list(twin.users.values()) if hasattr(twin, "users") else [twin.user]


def check_token(twin, name, token):
    """The token in the file, after a run with this scenario."""
    assert token["access_token"] in twin.tokens
    assert (token["account"], token["broker"]) == (twin.broker, twin.broker)
    assert token["user_id"] == (getattr(twin, "user_id", "") or twin.user.user_id)
    issued, ends = (datetime.fromisoformat(token[key]) for key in ("issued_at", "expires_at"))
    assert ends - issued <= timedelta(days=1)
    if twin.broker in {"oauth2", "icici_oauth"}:
        check_lifetime(LIFETIMES.get(name, twin.lifetime), issued, ends)
    if twin.broker in {"upstox", "fyers"}:
        assert ends == twin.tokens[token["access_token"]]
    if twin.broker == "icici_breeze":
        assert ends == twin.tokens[token["access_token"]].ends
    check_extra(twin, name, token)


def check_lifetime(seconds, issued, ends):
    if seconds is None:
        assert ends.astimezone(IST).strftime("%H:%M:%S") == "06:00:00"
    else:
        assert abs(ends - issued - timedelta(seconds=seconds)) < timedelta(seconds=5)


def check_extra(twin, name, token):
    """What else the broker gave."""
    extra = token["extra"]
    if twin.broker == "upstox":
        more = {"extended_token": twin.extended_tokens[0]} if name == "extended_token" else {}
        assert extra == {"client_id": twin.client_id, **more}
    if twin.broker == "fyers":
        more = {"refresh_token": twin.refresh_tokens[-1]} if name.startswith("refresh") else {}
        assert extra == {"client_id": twin.client_id, **more}
    if twin.broker in {"oauth2", "icici_oauth"}:
        assert extra.keys() == (
            {"client_id"} if name == "no_refresh_token" else {"client_id", "refresh_token"}
        )
    if twin.broker == "icici_breeze":
        value = twin.codes_issued[-1]
        assert extra == {
            "api_key": twin.api_key,
            "session_token": value,
            "base64_session_token": token["access_token"],
        }


def check_passwords(twin, name, error):
    """How often the password or PIN was sent in a run that failed: once, unless the broker was down.

    A code that stands on the same form is sent again with it.
    """
    if place := PASSWORD_CALL.get(twin.broker):
        again = error == "broker_unavailable" or name == "wrong_code_with_password"
        assert twin.counters[place] <= (2 if again else 1)
    elif error == "credentials_rejected":
        assert twin.counters["enter"] == 1


def check_exchanges(twin, name):
    """How often the codes of the redirects were sent: again only where the exchange failed or was not answered."""
    place = EXCHANGE_CALL.get(twin.broker, "exchange")
    unanswered = {
        "exchange_hangs_once",
        "exchange_refused_after_502",
        f"maintenance_at_{place}",
        f"broker_502_at_{place}",
        f"429_at_{place}",
    }
    again = len(twin.codes_exchanged) - len(set(twin.codes_exchanged))
    counted = twin.broker in {"zerodha", "upstox", "fyers", "oauth2"}
    assert again == (name in unanswered) if counted else again <= 1


def more_secrets(twin):
    """What a broker hands out that must stand nowhere but in the token's file."""
    found = [
        *twin.tokens,
        *getattr(twin, "refresh_tokens", ()),
        *getattr(twin, "extended_tokens", ()),
    ]
    if twin.broker == "zerodha":
        found += [
            part for one in twin.sessions.values() for part in (one.enctoken, one.public_token)
        ]
    if twin.broker == "upstox":
        found += [visit.hop for visit in twin.visits.values() if visit.hop]
    if twin.broker == "fyers":
        found += [visit.login_token for visit in twin.visits.values() if visit.login_token]
    return found
