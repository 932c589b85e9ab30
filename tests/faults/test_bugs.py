"""Mistakes of our own, and in a user's own flow: one account fails, told by type and place, and nothing else does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from support.cli import User
from support.leaks import leaks
from support.service import FLOW, Weekdays, do_at_once, ist, vigil, write_config

from autologin.config import loader

MISTAKES = {
    "KeyError": 'raise KeyError("pass-word-canary")',
    "RecursionError": "return await self.sign_in(http, otp, now)",
    "SystemExit": "raise SystemExit(7)",
    "CancelledError": "import asyncio; raise asyncio.CancelledError",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "BaseException": 'raise BaseException("pass-word-canary")',
    "StopIteration": "raise StopIteration(5)",
    "TimeoutError": 'raise TimeoutError("pass-word-canary")',
    "UnicodeEncodeError": 'http.headers["x"] = "\\u0938"; raise AssertionError',
    "ExceptionGroup": 'raise ExceptionGroup("pass-word-canary", [ValueError("pass-word-canary")])',
}
"""What a flow does, by the name of what comes of it."""
GOOD = """
        from datetime import timedelta
        from pydantic import SecretStr
        from autologin.token import Token
        user = self.credentials.user_id
        return Token(SecretStr(f"token-{user}"), now, now + timedelta(hours=20), user)
"""


def flow_that(*, verify="return Verification(Verdict.VALID)"):
    """The flow of a user whose accounts make the mistake that they are named after; others log in."""
    text = "from autologin.flow import Verdict, Verification\n" + FLOW.replace(
        "        return await self.world.sign_in(self.credentials, now)\n",
        "".join(
            f'        if self.credentials.user_id == "{name}":\n            {does}\n'
            for name, does in MISTAKES.items()
        )
        + GOOD,
    )
    return text.replace("return self.world.verify(token)", verify)


@pytest.fixture
def user(tmp_path):
    """Somebody with accounts that make mistakes, and one that does not."""
    write_config(tmp_path, [*MISTAKES, "good"])
    (tmp_path / "config.yaml").chmod(0o600)
    (tmp_path / "own" / "paper.py").write_text(flow_that())
    return User(tmp_path)


async def test_one_accounts_mistake_is_told_and_leaves_the_others_alone(user):
    done = await user.says("run", "--all", "--json")
    assert done.code == 1
    ours = {one["account"]: one for one in done.json["accounts"]}
    good = ours.pop("good")
    assert (good["outcome"], good["error"]) == ("issued", None)
    assert (user.folder / "tokens" / "good.json").exists()
    assert ours.keys() == MISTAKES.keys()
    place = re.escape(str(user.folder / "own" / "paper.py"))
    for name, bad in ours.items():
        assert (bad["outcome"], bad["error"]) == ("failed", "autologin_error")
        says = rf"This is a mistake in your own flow \({name} in {place}:\d+\)\. Correct"
        assert re.search(says, bad["message"]), bad["message"]
    assert leaks(["pass-word-canary"], [done.out, done.err, user.folder / "state"]) == []
    status = (await user.says("status", "--json")).json["accounts"]
    ended = {
        (one["last_run"]["outcome"], one["last_run"]["error"], one["blocked"]) for one in status
    }
    assert ended == {("failed", "autologin_error", None), ("issued", None, None)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return Token(", "return None and (", "returned NoneType where a Token is due"),
        ("return Token(", "return 5 or (", "returned int where a Token is due"),
        ("async def verify", "def verify", "returned Verification where a coroutine is due"),
        ("Verification(Verdict.VALID)", "True", "returned bool where a Verification is due"),
        ("hours=20), user)", "hours=20), 5)", "returned a Token with user_id of type int"),
    ],
)
async def test_what_a_flow_returns_is_its_own_mistake(user, old, new, words):
    file = user.folder / "own" / "paper.py"
    text = flow_that()
    assert old in text
    file.write_text(text.replace(old, new))
    done = await user.says("run", "good", "--json")
    assert (done.code, done.account["error"]) == (1, "autologin_error")
    assert words in done.account["message"]
    assert f"your own flow ({file} " in done.account["message"]


async def test_a_token_that_cannot_be_made_is_a_mistake_of_who_makes_it(user):
    file = user.folder / "own" / "paper.py"
    file.write_text(flow_that().replace("Token(SecretStr(", "Token(str("))
    done = await user.says("run", "good", "--json")
    assert (done.code, done.account["error"]) == (1, "autologin_error")
    assert f"your own flow (AttributeError in {file}:" in done.account["message"]


async def test_a_mistake_is_not_printed_with_its_words_even_where_more_is_asked_for(user):
    done = await user.says("--verbose", "run", "KeyError")
    assert done.code == 1
    assert "KeyError" in done.err
    assert leaks(["pass-word-canary"], [done.out, done.err]) == []


async def test_a_mistake_after_the_token_came_costs_no_token(user):
    """It is stored before it is verified."""
    file = user.folder / "own" / "paper.py"
    file.write_text(flow_that(verify="raise LookupError(token.access_token.get_secret_value())"))
    done = await user.says("run", "good", "--json")
    assert (done.code, done.account["error"]) == (1, "autologin_error")
    assert leaks(["token-good"], [done.out, done.err]) == []
    file.write_text(flow_that())
    again = await user.says("run", "good", "--json")
    assert (again.code, again.account["outcome"]) == (0, "still_valid")


async def test_a_mistake_of_a_command_is_one_object_and_no_traceback(user):
    code = (
        "import autologin.status as s\n"
        "def broken(*_): raise ZeroDivisionError('pass-word-canary')\n"
        "s.read_statuses = broken\n"
    )
    (user.folder / "sitecustomize.py").write_text(code)
    user.environ["PYTHONPATH"] = str(user.folder)
    done = await user.says("status", "--json")
    assert done.code == 1
    assert done.json["error"] == "autologin_error"
    assert "ZeroDivisionError" in done.json["message"]
    assert "Traceback" not in done.err
    assert leaks(["pass-word-canary"], [done.out, done.err]) == []


@pytest.fixture
async def served(tmp_path, monkeypatch):
    do_at_once(monkeypatch)
    more = 'schedule: {at: "08:15", days: daily}\n'
    async with vigil(tmp_path, ist(8), ("bad", "good"), more, Weekdays()) as one:
        yield one


async def test_the_service_goes_on_and_tells_once(served):
    class Odd(Exception):
        pass

    served.world.refuses["bad"] = Odd
    served.start()
    await served.until(ist(12))
    assert [user for user, _ in served.world.logins] == ["bad", "good"]
    store = served.service.store
    assert [(run.outcome, run.error) for run in store.history.runs("bad")] == [
        ("failed", "autologin_error")
    ]
    assert (served.folder / "tokens" / "good.json").exists()
    causes = store.alerts.causes("bad")
    assert "autologin_error" in causes
    await served.until(ist(9) + timedelta(days=1))
    assert [user for user, _ in served.world.logins] == ["bad", "good", "bad", "good"]


async def test_a_mistake_in_looking_at_one_account_is_not_the_others(served, monkeypatch):
    served.start()
    timetable = served.service._accounts["bad"].timetable
    monkeypatch.setattr(timetable, "current", lambda _now: {}["pass-word-canary"])
    await served.until(ist(10))
    assert [user for user, _ in served.world.logins] == ["good"]
    assert not served.task.done()
    assert served.service.store.alerts.causes("bad") == ["autologin_error"]


async def test_a_config_that_cannot_even_be_read_is_left_alone(served, monkeypatch):
    served.start()
    await served.until(ist(8, 5))
    monkeypatch.setattr(loader, "load", lambda *_: {}["pass-word-canary"])
    served.service.reload()
    await served.until(ist(9))
    assert sorted(user for user, _ in served.world.logins) == ["bad", "good"]


async def test_a_mistake_in_delivering_does_not_end_the_service(served, monkeypatch):
    served.start()
    outbox = served.service.store.outbox
    monkeypatch.setattr(outbox, "outstanding", lambda: {}["pass-word-canary"])
    await served.until(ist(10))
    assert sorted(user for user, _ in served.world.logins) == ["bad", "good"]
    assert not served.task.done()
