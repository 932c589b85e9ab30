"""What is special to the flows `oauth2` and `icici_oauth`: what they send, refresh, and the login by hand."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from support.sandbox import rehearsal


async def test_a_plain_login_sends_what_the_standard_says(walk):
    served, outcome = await walk("oauth2")
    assert outcome.outcome == "issued"
    twin = served.twin
    asked = parse_qs(next(seen.query for seen in twin.seen if seen.path == "/oauth/authorize"))
    assert asked.keys() == {
        *(
            "client_id",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
        )
    }
    assert (asked["scope"], asked["code_challenge_method"]) == (["profile orders"], ["S256"])
    sent = parse_qs(next(seen.body for seen in twin.seen if seen.path == "/oauth/token").decode())
    assert list(sent) == [
        "grant_type",
        "code",
        "client_id",
        "client_secret",
        "redirect_uri",
        "code_verifier",
    ]
    assert sent["client_secret"] == [twin.client_secret]


async def test_icicis_plain_login_sends_what_the_notes_say(walk):
    served, outcome = await walk("icici_oauth")
    assert outcome.outcome == "issued"
    twin = served.twin
    asked = parse_qs(next(seen.query for seen in twin.seen if seen.path == "/oauth/authorize"))
    assert list(asked) == ["client_id", "redirect_uri", "response_type", "scope", "state"]
    assert asked["scope"] == ["trading"]
    sent = parse_qs(next(seen.body for seen in twin.seen if seen.path == "/oauth/token").decode())
    assert list(sent) == ["grant_type", "code", "client_id", "client_secret", "redirect_uri"]


def refreshing(account):
    account["refresh"] = True


@pytest.mark.parametrize("broker", ["oauth2", "icici_oauth"])
@pytest.mark.parametrize("scenario", [(), ("refresh_rotates",)])
async def test_a_refresh_needs_no_login(walk, broker, scenario):
    served, _ = await walk(broker, *scenario, change=refreshing)
    first = served.token
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    second = served.token
    assert served.twin.counters["login"] == served.twin.counters["refresh"] == 1
    assert second["access_token"] != first["access_token"]
    kept = second["extra"]["refresh_token"] == first["extra"]["refresh_token"]
    assert kept is not bool(scenario)


async def test_a_refused_refresh_is_followed_by_a_login(walk):
    served, _ = await walk("icici_oauth", "refresh_refused", change=refreshing)
    assert (await served.run(served.twin.clock, force=True)).outcome == "issued"
    assert (served.twin.counters["refresh"], served.twin.counters["login"]) == (1, 2)


async def test_authorize_false_leaves_the_consent_to_a_person(walk):
    served, outcome = await walk(
        "oauth2", "first_use", change=lambda account: account.update(authorize=False)
    )
    assert outcome.error.name == "consent_required"
    assert served.twin.counters["consent"] == 0


async def test_a_second_run_verifies_once(walk):
    served, _ = await walk("oauth2")
    assert (await served.run(served.twin.clock)).outcome == "still_valid"
    assert (served.twin.counters["login"], served.twin.counters["profile"]) == (1, 2)


async def by_a_person(twin, url):
    """Where somebody's own browser ends, by the calls that it would make."""
    async with httpx.AsyncClient() as web:
        page = await web.get(url)
        login = urlsplit(page.headers["location"])
        (tx,) = parse_qs(login.query)["tx"]
        base = url.split("/oauth/")[0]
        await web.post(
            f"{base}/login",
            data={"tx": tx, "username": twin.user_id, "password": twin.user.password},
        )
        await web.post(
            f"{base}/code", data={"tx": tx, "otp": pyotp.TOTP(twin.totp_secret).at(twin.now())}
        )
        return (await web.get(f"{base}/finish", params={"tx": tx})).headers["location"]


@pytest.mark.parametrize(
    ("broker", "scenario"),
    [("oauth2", "no_pkce"), ("icici_oauth", "single_page_app"), ("oauth2", "public_client")],
)
async def test_the_walk_by_hand(tmp_path, broker, scenario):
    async with rehearsal(tmp_path, scenario, broker=broker) as served:
        shown = await served.user.says("login-url", broker)
        ended = await by_a_person(served.twin, shown.out.strip())
        done = await served.user.says("exchange", broker, "--json", stdin=ended + "\n")
        assert (done.account["outcome"], done.account["error"]) == ("issued", None)


@pytest.mark.parametrize("scenario", ["wrong_secret", "basic_auth_not_told"])
async def test_a_client_that_is_refused_is_told_by_its_name(walk, scenario):
    _, outcome = await walk("oauth2", scenario)
    assert "client_secret" in outcome.error.message
