"""Health, metrics and the status page, as programs ask for them; tests/pages/test_status_page.py is a person's view."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.clock import MORNING
from support.leaks import leaks
from support.service_stub import PASSWORD, SECRET, TOKEN, WITH_TOKEN, board, png
from support.store import block, mark_verified

from autologin.config import accounts
from autologin.errors import AccountLocked, ConfigError, OtpRejected, StoreError
from autologin.store.records import Presence
from autologin.web import app, auth

PROMTOOL = Path(__file__).parents[3] / ".tools/promtool"
HERE = "http://localhost:8321"
OURS = {"origin": HERE}


@pytest.fixture
def shown(tmp_path, clock):
    found = board(tmp_path, clock)
    yield found
    found.store.close()


@pytest.fixture
def guarded(tmp_path, clock):
    """One whose config has an `http.token`."""
    found = board(tmp_path, clock, WITH_TOKEN)
    yield found
    found.store.close()


def client(shown, url=HERE):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app.app(shown)), base_url=url)


async def get(shown, path, url=HERE, **headers):
    async with client(shown, url) as asking:
        return await asking.get(path, headers=headers)


async def sign_in(asking, token=TOKEN):
    return await asking.post("/sign-in", data={"token": token}, headers=OURS)


def promtool(*words, stdin=None):
    """What `promtool check` says; `make install` fetches it."""
    done = subprocess.run(
        [PROMTOOL, "check", *words], input=stdin, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


async def numbers(shown):
    """Each sample by its name and its labels' values, in the order of the labels' names."""
    text = (await get(shown, "/metrics")).text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in found}


# Alive and ready


async def test_alive_is_all_that_livez_says(shown):
    answer = await get(shown, "/livez")
    assert (answer.status_code, answer.text) == (200, "alive\n")


async def test_nothing_due_is_ready(shown):
    answer = await get(shown, "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "accounts": {
            name: {"due": False, "ready": True, "reason": "no_token", "next_run": None}
            for name in ("mine", "hers")
        },
    }


async def reason(shown):
    answer = await get(shown, "/readyz")
    assert answer.status_code == (200 if answer.json()["ready"] else 503)
    return answer.json()["accounts"]["mine"]["reason"]


async def test_an_account_through_its_days(shown, clock):
    shown.due = {"mine"}
    assert await reason(shown) == "no_token"
    block(shown.store, "mine", "wrong code", "otp_rejected")
    assert await reason(shown) == "blocked"
    shown.issue(hours=30)
    assert await reason(shown) is None, (
        "a token that works is a token, whatever became of a later login"
    )
    shown.store.attempts.unblock("mine")
    clock.move(hours=24)
    assert await reason(shown) == "not_confirmed_today"
    mark_verified(shown.store, "mine")
    assert await reason(shown) is None
    clock.move(hours=6)
    assert await reason(shown) == "expired"


async def test_a_token_that_no_broker_can_confirm_is_proven_on_the_day_of_its_issue(shown, clock):
    shown.due = {"mine"}
    shown.issue(verified=False, hours=40)
    assert await reason(shown) is None
    clock.move(hours=24)
    assert await reason(shown) == "not_confirmed_today"


async def test_the_day_is_indias(shown, clock):
    shown.due = {"mine"}
    clock.wall = MORNING.replace(hour=18, minute=29)  # 23:59
    shown.issue()
    assert await reason(shown) is None
    clock.move(minutes=2)
    assert await reason(shown) == "not_confirmed_today"


async def test_a_token_of_another_broker_is_none(shown):
    shown.due = {"mine"}
    shown.issue()
    account = shown.settings.accounts["mine"]
    shown.settings.accounts["mine"] = account.model_copy(update={"broker": "upstox"})
    assert await reason(shown) == "no_token"


async def test_an_account_is_not_ready_before_its_login_and_nobody_is_late(shown):
    shown.due = shown.later = {"mine"}
    found = (await get(shown, "/readyz")).json()
    assert (
        found["ready"],
        found["accounts"]["mine"]["due"],
        found["accounts"]["hers"]["ready"],
    ) == (False, True, True)
    assert (await numbers(shown))["autologin_account_ready", "mine"] == 1
    assert "Not ready" not in (await get(shown, "/")).text


async def test_one_account_that_is_late_makes_all_of_it_not_ready(shown):
    shown.due = {"mine", "hers"}
    shown.issue("mine")
    found = (await get(shown, "/readyz")).json()
    assert (
        found["ready"],
        found["accounts"]["mine"]["ready"],
        found["accounts"]["hers"]["ready"],
    ) == (False, True, False)


@pytest.mark.parametrize("path", ["/readyz", "/metrics", "/"])
async def test_a_store_that_cannot_be_read_is_told_and_alive_all_the_same(shown, path):
    shown.store.close()
    answer = await get(shown, path)
    assert answer.status_code == 503
    assert answer.text.startswith("store_error: The store cannot be used")
    assert (await get(shown, "/livez")).status_code == 200


async def test_a_mistake_of_ours_shows_nothing_of_itself(shown, monkeypatch):
    monkeypatch.setattr(shown, "due_today", None)
    answer = await get(shown, "/readyz")
    assert (answer.status_code, answer.text) == (500, "This is a mistake in autologin.\n")


# Metrics


async def test_what_an_account_has_is_measured(shown, clock):
    shown.due = {"mine", "hers"}
    shown.planned = {"mine": MORNING + timedelta(days=1)}
    shown.issue()
    shown.ran()
    shown.under_way = {"hers"}
    block(shown.store, "hers", "wrong code", "otp_rejected")
    clock.move(minutes=10)
    found = await numbers(shown)
    began = MORNING.timestamp()
    assert found["autologin_account_ready", "mine"] == found["autologin_account_due", "hers"] == 1
    assert (
        found["autologin_account_ready", "hers"] == found["autologin_account_blocked", "mine"] == 0
    )
    assert (
        found["autologin_account_blocked", "hers"]
        == found["autologin_account_running", "hers"]
        == 1
    )
    assert found["autologin_token_issued_timestamp_seconds", "mine"] == began
    assert found["autologin_token_verified_timestamp_seconds", "mine"] == began
    assert found["autologin_token_expiry_timestamp_seconds", "mine"] == began + 20 * 3600
    assert found["autologin_token_age_seconds", "mine"] == 600
    assert found["autologin_next_run_timestamp_seconds", "mine"] == began + 86400
    assert found["autologin_last_run_timestamp_seconds", "mine"] == began
    assert found["autologin_last_run_duration_seconds", "mine"] == 4.25
    assert found["autologin_last_run_stage_seconds", "mine", "login"] == 2.1
    assert found["autologin_otp_skew_seconds", "mine"] == -1.5
    assert ("autologin_otp_skew_seconds", "hers") not in found
    assert ("autologin_token_age_seconds", "hers") not in found
    assert found["process_resident_memory_bytes",] > 0


async def test_runs_and_deliveries_are_counted(shown, clock):
    shown.ran()
    shown.ran("still_valid")
    shown.ran("failed", OtpRejected("wrong code"))
    shown.ran(account="forgotten")
    shown.issue()
    (claim,) = shown.store.outbox.claim("tokens", 1)
    shown.store.outbox.mark_delivered(claim)
    (claim,) = shown.store.outbox.claim("hook", 1)
    shown.store.outbox.mark_failed(claim, "502", 2)
    found = await numbers(shown)
    assert (
        found["autologin_runs_total", "mine", "", "issued"]
        == found["autologin_runs_total", "mine", "", "still_valid"]
        == 1
    )
    assert found["autologin_runs_total", "mine", "otp_rejected", "failed"] == 1
    assert found["autologin_deliveries_total", "mine", "delivered", "tokens"] == 1
    assert found["autologin_delivery_failures_total", "mine", "hook"] == 1
    assert (
        found["autologin_delivery_backlog", "tokens"],
        found["autologin_delivery_backlog", "hook"],
    ) == (0, 1)
    assert not [key for key in found if "forgotten" in key], (
        "accounts that are not in the config any more are not told"
    )


async def test_promtool_finds_nothing_to_mend(shown):
    shown.issue()
    shown.ran()
    shown.ran("failed", OtpRejected('wrong "code"\nand more'))
    (claim,) = shown.store.outbox.claim("hook", 1)
    shown.store.outbox.mark_failed(claim, "502", 2)
    answer = await get(shown, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert promtool("metrics", stdin=answer.text) == ""


async def test_the_alerts_of_the_docs_are_rules_on_metrics_that_there_are(shown, tmp_path):
    page = (Path(__file__).parents[3] / "docs/monitoring.md").read_text()
    (rules,) = re.findall(r"```yaml\n(groups:.*?)```", page, re.DOTALL)
    (tmp_path / "rules.yml").write_text(rules)
    assert "SUCCESS: 5 rules found" in promtool("rules", tmp_path / "rules.yml")
    shown.issue()
    shown.ran()
    (claim,) = shown.store.outbox.claim("hook", 1)
    shown.store.outbox.mark_failed(claim, "502", 2)
    shown.store.outbox.withdraw("mine")
    shown.planned = {"mine": MORNING}
    known = {key[0] for key in await numbers(shown)}
    assert set(re.findall(r"autologin_\w+", page)) - known == set()
    ours = {name for name in known if name.startswith("autologin_")}
    assert ours - set(re.findall(r"autologin_\w+", page)) == set(), "docs/monitoring.md lacks these"


# The page


async def test_every_answer_has_the_strict_headers(guarded):
    for path in (
        "/",
        "/livez",
        "/readyz",
        "/metrics",
        "/status.css",
        "/icon.svg",
        "/sign-in",
        "/nowhere",
        "/failures/mine.png",
    ):
        answer = await get(guarded, path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_everything_on_the_page_is_text(shown):
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7*7 }}"
    shown.ran("failed", OtpRejected(nasty), stages={"<b>login": 1.0})
    block(shown.store, "mine", nasty, "otp_rejected")
    shown.issue()
    (claim,) = shown.store.outbox.claim("hook", 1)
    shown.store.outbox.mark_failed(claim, nasty, 2)
    text = (await get(shown, "/")).text
    assert "&lt;script&gt;alert(1)" in text
    assert "{{ 7*7 }}" in text
    assert not [bad for bad in ("<script", "<img", "<b>") if bad in text]


async def test_no_secret_is_anywhere(guarded):
    guarded.issue()
    accounts.load_flow(guarded.settings, guarded.settings.accounts["mine"], {})
    guarded.fail(OtpRejected(f"{PASSWORD} {SECRET}"))
    block(guarded.store, "mine", f"told {SECRET}", "otp_rejected")
    detail = [(await get(guarded, path)).text for path in ("/", "/readyz", "/metrics", "/sign-in")]
    async with client(guarded) as asking:
        await sign_in(asking)
        detail.append((await asking.get("/")).text)
        detail.append((await sign_in(asking, "other")).text)
    assert leaks([SECRET, PASSWORD, "s3cret-canary", TOKEN], detail) == []


# The picture of a failure


async def picture_of(guarded, name):
    """What somebody gets who is signed in."""
    async with client(guarded) as asking:
        await sign_in(asking)
        return await asking.get(f"/failures/{name}.png")


async def test_the_newest_picture_of_an_account_is_shown(guarded, clock):
    assert (await picture_of(guarded, "mine")).status_code == 404
    guarded.fail(OtpRejected("no"))
    clock.move(minutes=5)
    newer = png(grey=99)
    guarded.fail(AccountLocked("no"), picture=newer)
    clock.move(minutes=5)
    guarded.fail(AccountLocked("no"), account="hers")
    answer = await picture_of(guarded, "mine")
    assert (answer.headers["content-type"], answer.content) == ("image/png", newer)


@pytest.mark.parametrize(
    "name", ["..%2f..%2fconfig", "..", "mine%2f..%2fhers", "other", "mine%00", "", "/etc/passwd"]
)
async def test_no_path_leads_elsewhere(guarded, name):
    guarded.fail(OtpRejected("no"), account="other")
    assert (await picture_of(guarded, name)).status_code == 404


async def test_only_what_a_bundle_kept_is_shown(guarded, tmp_path):
    guarded.fail(OtpRejected("no"))
    (file,) = tmp_path.glob("state/failures/*/screenshot.png")
    file.write_bytes(b"<html>no picture</html>")
    assert (await picture_of(guarded, "mine")).status_code == 404
    file.unlink()
    (tmp_path / "elsewhere.png").write_bytes(png())
    file.symlink_to(tmp_path / "elsewhere.png")
    assert (await picture_of(guarded, "mine")).status_code == 404
    shutil.rmtree(file.parent)
    (tmp_path / "state/failures/notes-mine-old").mkdir()
    (tmp_path / "state/failures/notes-mine-old/screenshot.png").write_bytes(png())
    assert (await picture_of(guarded, "mine")).status_code == 404


async def test_an_account_whose_name_ends_like_anothers_has_its_own(guarded):
    account = guarded.settings.accounts["mine"]
    guarded.settings.accounts["not-mine"] = account
    guarded.fail(OtpRejected("no"), account="not-mine")
    assert (await picture_of(guarded, "mine")).status_code == 404
    assert (await picture_of(guarded, "not-mine")).status_code == 200


async def test_without_a_token_in_the_config_no_picture_is_served(shown):
    """Not one that is there, and not whether there is one."""
    missing = await get(shown, "/failures/mine.png")
    shown.fail(OtpRejected("no"))
    there = await get(shown, "/failures/mine.png")
    assert (missing.status_code, missing.content) == (there.status_code, there.content)
    assert (there.status_code, b"http.token" in there.content) == (403, True)
    page = (await get(shown, "/")).text
    assert "/failures/" not in page
    assert "Set <code>http.token</code> in the config to see here what the page showed" in page


async def test_who_is_not_signed_in_sees_no_picture(guarded):
    guarded.fail(OtpRejected("no"))
    assert (await get(guarded, "/failures/mine.png")).status_code == 403
    page = (await get(guarded, "/")).text
    assert "/failures/" not in page
    assert "Sign in to see what the page showed" in page
    async with client(guarded) as asking:
        await sign_in(asking)
        assert "/failures/mine.png" in (await asking.get("/")).text


@pytest.mark.parametrize("masking", [None, 1, "2", [2]])
async def test_a_picture_that_an_older_autologin_masked_is_not_shown(guarded, masking):
    guarded.fail(OtpRejected("no"), masking=masking)
    assert (await picture_of(guarded, "mine")).status_code == 404
    async with client(guarded) as asking:
        await sign_in(asking)
        assert "/failures/" not in (await asking.get("/")).text


@pytest.mark.parametrize("report", [None, "", "[2]", "{", "[" * 100_000, "\0", "2"])
async def test_a_picture_whose_report_is_damaged_is_not_shown(guarded, tmp_path, report):
    guarded.fail(OtpRejected("no"))
    (file,) = tmp_path.glob("state/failures/*/report.json")
    file.write_text(report or "")
    if report is None:
        file.unlink()
    assert (await picture_of(guarded, "mine")).status_code == 404


# Buttons

BUTTONS = ("/accounts/mine/run", "/accounts/mine/unblock")


@pytest.mark.parametrize("path", [*BUTTONS, "/sign-in", "/sign-out"])
async def test_without_a_token_in_the_config_there_are_none(shown, path):
    async with client(shown) as asking:
        assert (await asking.post(path, headers=OURS)).status_code == 404
        assert "<form" not in (await asking.get("/")).text
    assert shown.asked == []


async def test_who_typed_the_token_may_press_them(guarded):
    block(guarded.store, "mine", "no", "otp_rejected")
    async with client(guarded) as asking:
        answer = await sign_in(asking)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
        for path in BUTTONS:
            assert (await asking.post(path, headers=OURS)).status_code == 303
    assert guarded.asked == ["mine"]
    assert guarded.store.attempts.current_block("mine") is None


@pytest.mark.parametrize("path", BUTTONS)
async def test_who_did_not_may_not(guarded, path):
    block(guarded.store, "mine", "no", "otp_rejected")
    forged = f"{int(guarded.clock.now().timestamp()) + 99}.{'0' * 64}"
    async with client(guarded) as asking:
        for cookie in ("", "x", "x.y", "9999999999.", forged, "\u00e9.1"):
            headers = OURS | {"cookie": f"{auth.COOKIE}={cookie}".encode()}
            assert (await asking.post(path, headers=headers)).status_code == 403
        assert (await asking.get(path)).status_code == 405
    assert guarded.asked == []
    assert guarded.store.attempts.current_block("mine")


async def test_a_session_ends_with_its_time_with_the_service_and_with_the_token(
    guarded, clock, tmp_path
):
    async with client(guarded) as asking:
        await sign_in(asking)
        cookie = {"cookie": f"{auth.COOKIE}={asking.cookies[auth.COOKIE]}", **OURS}
        clock.move(seconds=auth.SESSION - 1)
        assert (await asking.post(BUTTONS[0], headers=cookie)).status_code == 303
        clock.move(seconds=1)
        assert (await asking.post(BUTTONS[0], headers=cookie)).status_code == 403
        clock.move(hours=-1)
        guarded.settings = board(
            tmp_path, clock, WITH_TOKEN.replace(TOKEN, "another-token")
        ).settings
        assert (await asking.post(BUTTONS[0], headers=cookie)).status_code == 403
        assert (await sign_in(asking)).status_code == 403
        assert (await sign_in(asking, "another-token")).status_code == 303
    async with client(guarded) as after_restart:
        assert (await after_restart.post(BUTTONS[0], headers=cookie)).status_code == 403


async def test_signing_out(guarded):
    async with client(guarded) as asking:
        await sign_in(asking)
        await asking.post("/sign-out", headers=OURS)
        assert (await asking.post(BUTTONS[0], headers=OURS)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://localhost:8321.evil.example"},
        {**OURS, "sec-fetch-site": "cross-site"},
        {**OURS, "sec-fetch-site": "same-site"},
    ],
    ids=str,
)
async def test_another_sites_page_may_not(guarded, headers):
    async with client(guarded) as asking:
        await sign_in(asking)
        for path in (*BUTTONS, "/sign-out", "/sign-in"):
            assert (
                await asking.post(path, headers=headers, data={"token": TOKEN})
            ).status_code == 403
    assert guarded.asked == []


async def test_behind_a_proxy_that_renames_us_the_browsers_word_counts(guarded):
    async with client(guarded, "http://10.0.0.7:8321") as asking:
        headers = {"origin": "https://status.example.com", "sec-fetch-site": "same-origin"}
        assert (
            await asking.post("/sign-in", headers=headers, data={"token": TOKEN})
        ).status_code == 303


async def test_guessing_is_slow_even_for_who_guesses_right_in_the_end(guarded, clock):
    async with client(guarded) as asking:
        assert [(await sign_in(asking, f"guess-{n}")).status_code for n in range(5)] == [403] * 5
        answer = await sign_in(asking)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        clock.move(seconds=59)
        assert (await sign_in(asking)).status_code == 429
        clock.move(seconds=1)
        assert (await sign_in(asking)).status_code == 303


@pytest.mark.parametrize(
    "body", [b"", b"token=", b"token", b"\xff\xfe", b"token=%FF", b"token=a&token=b"]
)
async def test_nonsense_is_a_wrong_token(guarded, body):
    async with client(guarded) as asking:
        assert (await asking.post("/sign-in", headers=OURS, content=body)).status_code == 403
        assert (
            await asking.post("/sign-in", headers=OURS, content=b"token=" + b"x" * 5000)
        ).status_code == 413


async def test_an_account_that_there_is_not(guarded):
    async with client(guarded) as asking:
        await sign_in(asking)
        for path in ("/accounts/nobody/run", "/accounts/..%2fmine/run", "/accounts/nobody/unblock"):
            assert (await asking.post(path, headers=OURS)).status_code == 404
    assert guarded.asked == []


async def test_nothing_that_is_fetched_changes_anything(guarded):
    block(guarded.store, "mine", "no", "otp_rejected")
    guarded.issue()
    async with client(guarded) as asking:
        await sign_in(asking)
        before = "\n".join(guarded.store._database.connection.iterdump())
        for path in (
            "/",
            "/livez",
            "/readyz",
            "/metrics",
            "/sign-in",
            "/sign-out",
            *BUTTONS,
            "/failures/mine.png",
        ):
            for method in ("GET", "HEAD"):
                await asking.request(method, path, headers=OURS)
        assert "\n".join(guarded.store._database.connection.iterdump()) == before
    assert guarded.asked == []


async def test_a_token_that_cannot_be_found_any_more_means_no_buttons_and_a_page_all_the_same(
    guarded, clock, tmp_path
):
    lost = WITH_TOKEN.replace(f'"{TOKEN}"', "{file: no-such-file}")
    guarded.settings = board(tmp_path, clock, lost).settings
    answer = await get(guarded, "/")
    assert answer.status_code == 200
    assert "<form" not in answer.text
    assert "no-such-file" not in answer.text
    with pytest.raises(ConfigError, match="no-such-file"):
        await app.serve_http(guarded, "127.0.0.1:0")


# The server


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1:8321", 200),
        ("http://localhost", 200),
        ("http://[::1]:8321", 200),
        ("http://10.0.0.7:8321", 200),
        ("http://autologin:8321", 200),
    ],
)
async def test_names_that_are_ours(shown, url, status):
    assert (await get(shown, "/", url)).status_code == status


async def test_a_name_that_somebody_points_at_this_machine_reads_nothing(shown):
    answer = await get(shown, "/", "http://127.0.0.1:8321", host="evil.example:8321")
    assert answer.status_code == 421
    assert "mine" not in answer.text.split()


async def test_it_is_served_and_ends_at_once(shown):
    before = asyncio.all_tasks()
    served = await app.serve_http(shown, "127.0.0.1:0")
    async with httpx.AsyncClient(trust_env=False) as asking:
        assert (await asking.get(f"{served.url}/livez")).text == "alive\n"
        assert "server" not in (await asking.get(f"{served.url}/")).headers
        began = time.perf_counter()
        await served.close()  # while a connection is open
        assert time.perf_counter() - began < 2
        with pytest.raises(httpx.TransportError):
            await asking.get(f"{served.url}/livez")
    again = await app.serve_http(shown, f"127.0.0.1:{served.port}")
    await again.close()
    assert asyncio.all_tasks() - before == set()


async def test_it_leaves_the_signals_alone(shown):
    import signal

    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    served = await app.serve_http(shown, "localhost:0")
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before
    await served.close()


@pytest.mark.parametrize(
    "listen",
    ["127.0.0.1:{busy}", "203.0.113.77:8321", "no.such.host.invalid:8321", "127.0.0.1:99999"],
)
async def test_an_address_that_cannot_be_used_is_a_config_error(shown, listen):
    with socket.create_server(("127.0.0.1", 0)) as busy, pytest.raises(ConfigError) as caught:
        await app.serve_http(shown, listen.format(busy=busy.getsockname()[1]))
    (problem,) = caught.value.problems
    assert problem.key == "http.listen"
    assert "cannot be used" in problem.message or "is not an address" in problem.message
    assert problem.hint


def test_a_store_error_is_what_a_closed_store_raises(shown):
    shown.store.close()
    with pytest.raises(StoreError):
        shown.store.history.runs("mine")


async def test_a_sink_that_has_lost_its_token_is_seen_in_metrics_and_readiness(shown):
    shown.due = {"mine"}
    shown.issue()
    (claim,) = shown.store.outbox.claim("tokens", 1)
    shown.store.outbox.mark_delivered(claim, "receipt")
    assert (await get(shown, "/readyz")).status_code == 200
    assert (
        'autologin_sink_holds_token{account="mine",sink="tokens"} 1.0'
        in (await get(shown, "/metrics")).text
    )
    delivery = shown.store.outbox.find_delivered("mine", "tokens", claim.message.about)
    for found, reason in {"gone": "sink_lacks_token", "replaced": "sink_lacks_token"}.items():
        shown.store.outbox.note_presence(delivery, Presence(found))
        answer = await get(shown, "/readyz")
        assert (answer.status_code, answer.json()["accounts"]["mine"]["reason"]) == (503, reason)
        assert 'sink="tokens"} 0.0' in (await get(shown, "/metrics")).text
        assert "a sink lacks its token" in (await get(shown, "/")).text
    for found in ("unknown", "taken"):
        shown.store.outbox.note_presence(delivery, Presence(found, "no right to look"))
        assert (await get(shown, "/readyz")).status_code == 200
    shown.store.outbox.note_presence(delivery, Presence("present"))
    shown.store.outbox.forget_presence()
    assert (await get(shown, "/readyz")).json()["accounts"]["mine"]["reason"] == "sink_not_asked"
