"""The log: no known secret in it, events that can be grepped for, and for whom the lines are."""

from __future__ import annotations

import ast
import io
import re
import sys
from pathlib import Path

import pytest
from loguru import logger

import autologin
from autologin import log
from autologin.errors import CredentialsRejected
from autologin.redaction import MASK, remember
from autologin.stages import Stages

SECRET = "hunter2/canary"
PACKAGE = Path(autologin.__file__).parent


@pytest.fixture
def lines():
    remember(SECRET)
    out = io.StringIO()
    log.configure(verbose=True, stream=out)
    return out


@pytest.fixture(autouse=True)
def _as_it_was():
    yield
    logger.remove()


def event_calls():
    """Every call of event() in the product: the file, and its arguments."""
    for file in [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "flows").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "event"
                and node.args
            ):
                yield file.name, node


@pytest.mark.parametrize("form", [SECRET, "hunter2%2Fcanary", "aHVudGVyMi9jYW5hcnk="])
def test_no_secret_is_logged_in_a_message_or_a_fact(lines, form):
    log.event(
        "login_failed",
        detail=f"refused {form}",
        address=Path(f"x?pw={form}"),
        parts=[form],
        error=ValueError(form),
    )
    logger.info(f"by hand: {form}")
    logger.debug("by hand: {}", form)
    assert len(lines.getvalue().splitlines()) == 3
    assert form not in lines.getvalue()
    assert lines.getvalue().count(MASK) == 6


def test_no_secret_is_logged_with_an_exception(lines):
    def failing(password):
        raise ValueError(f"{password} is wrong")

    try:
        failing(SECRET)
    except ValueError:
        logger.exception("it failed")
        logger.opt(exception=True).error("it failed again")
    assert SECRET not in lines.getvalue()
    assert "it failed" in lines.getvalue()
    assert "it failed again" in lines.getvalue()


def test_no_secret_of_a_later_moment_is_logged_either(lines):
    remember("made-just-now")
    log.event("x", detail="made-just-now")
    assert f"detail={MASK}" in lines.getvalue()


def test_a_secret_inside_a_record_is_gone_before_any_sink_sees_it(lines):
    seen = []
    logger.add(lambda message: seen.append(message.record), level="DEBUG")
    log.event("login_failed", detail=f"refused {SECRET}")
    (record,) = seen
    assert SECRET not in repr(record)
    assert record["extra"]["event"] == "login_failed"
    assert record["extra"]["facts"] == {"detail": f"refused {MASK}"}


def test_an_event_is_one_line_with_its_context_and_facts(lines):
    with log.about(account="zerodha"), log.about(stage="login"):
        log.event("otp_waits", seconds=3.0, nothing=None, zero=0)
    (line,) = lines.getvalue().splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} INFO {4}zerodha {6}login {5}otp_waits  seconds=3\.0  zero=0", line
    )


def test_context_ends_where_it_ends(lines):
    with log.about(account="zerodha"):
        log.event("inside")
    log.event("outside")
    inside, outside = lines.getvalue().splitlines()
    assert "zerodha" in inside
    assert "zerodha" not in outside


@pytest.mark.parametrize(
    "text", ["{braces} {0} {}", "<red>markup</red>", "</level>", "100 %s %d", "{extra[facts]}"]
)
def test_the_brokers_words_are_no_format(lines, text):
    log.event("login_failed", detail=text)
    logger.info(text)
    first, second = lines.getvalue().splitlines()
    assert first.endswith(f"login_failed  detail={text}")
    assert second.endswith(text)


def test_an_event_has_a_level(lines):
    log.event("clock_skew", level="WARNING")
    assert " WARNING " in lines.getvalue()


@pytest.mark.parametrize(("verbose", "names"), [(False, ["told"]), (True, ["detail", "told"])])
def test_details_are_for_verbose(verbose, names):
    out = io.StringIO()
    log.configure(verbose=verbose, stream=out)
    log.event("detail", level="DEBUG")
    log.event("told")
    assert [line.split()[-1] for line in out.getvalue().splitlines()] == names


def test_the_log_goes_to_standard_error_once(capsys):
    log.configure(stream=sys.stderr)
    log.configure()
    log.event("told")
    out, err = capsys.readouterr()
    assert not out
    assert err.count("told") == 1


def test_names_of_events_have_one_stable_shape():
    calls = list(event_calls())
    assert len({file for file, _ in calls}) > 5
    for file, call in calls:
        name = call.args[0]
        assert isinstance(name, ast.Constant), (file, ast.unparse(call))
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name.value), (file, name.value)


def test_events_have_levels_that_exist():
    levels = {
        keyword.value.value
        for _, call in event_calls()
        for keyword in call.keywords
        if keyword.arg == "level"
    }
    assert levels <= {"DEBUG", "INFO", "WARNING", "ERROR"}
    assert levels


# Stages


def test_a_stage_is_told_timed_and_put_on_what_is_raised(lines):
    stages = Stages()
    with stages.stage("config"):
        log.event("inside")
    error = CredentialsRejected("no")
    with pytest.raises(CredentialsRejected), stages.stage("login"):
        raise error
    assert error.stage == "login"
    assert list(stages.seconds) == ["config", "login"]
    inside, done = lines.getvalue().splitlines()
    assert re.search(r" config +inside$", inside)
    assert re.search(r" config +stage_done  seconds=0\.\d\d$", done)


def test_the_innermost_stage_is_the_errors():
    stages = Stages()
    error = CredentialsRejected("no")
    with pytest.raises(CredentialsRejected), stages.stage("outer"), stages.stage("inner"):
        raise error
    assert error.stage == "inner"


def test_the_tries_of_a_stage_add_up(monkeypatch):
    ticks = iter([10.0, 12.0, 20.0, 21.5])
    monkeypatch.setattr("autologin.stages.time.perf_counter", lambda: next(ticks))
    stages = Stages()
    for _ in range(2):
        with stages.stage("login"):
            pass
    assert stages.seconds == {"login": 3.5}
