"""docs/calendar.md is true, and `autologin calendar` prints what it says, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.cli import User

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/calendar.md").read_text()
CONFIG = "accounts: {}\ncalendar: {override: days/own.yaml}\n"


def block(language):
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[1]


@pytest.fixture
def user(tmp_path):
    return User(tmp_path)


@pytest.fixture
def with_own_days(user):
    (user.folder / "days").mkdir()
    (user.folder / "config.yaml").write_text(CONFIG)

    def given(text):
        (user.folder / "days/own.yaml").write_text(text)
        return user

    return given


async def test_what_it_prints_is_what_the_page_shows(user):
    command, *shown = re.search(r"    \$ autologin (.*?)\n\n", TEXT, re.DOTALL)[1].split("\n")
    done = await user.says(*command.split())
    assert (done.code, done.err) == (0, "")
    assert done.out.rstrip("\n").split("\n") == [line[4:] for line in shown]


async def test_its_json_is_as_documented(user):
    command = re.search(r"`autologin (calendar [^`]*--json)`", TEXT)[1]
    done = await user.says(*command.split())
    assert (done.code, done.err) == (0, "")
    assert done.json == json.loads(block("json"))


async def test_it_shows_fifteen_days_from_today_without_options(user):
    done = await user.says("calendar", "--json")
    assert len(done.json["days"]) == 15 * 3
    assert done.json["days"][0]["date"] < done.json["days"][-1]["date"]


async def test_days_after_the_end_are_unknown_and_it_warns(user):
    done = await user.says(
        "calendar", "--from", "2026-12-31", "--days", "2", "--segment", "equity", "--json"
    )
    assert [row["trading"] for row in done.json["days"]] == [True, None]
    assert done.json["good_until"] == "2026-12-31"
    assert "2026-12-31" in done.json["warning"]
    people = await user.says("calendar", "--from", "2027-01-01", "--days", "1")
    assert (
        people.out == "2027-01-01 Fri  equity, currency, commodity   not known: a login is made\n"
    )
    assert people.err.startswith("warning: ")
    assert people.code == 0


async def test_a_date_with_one_source_is_marked(user):
    words = ("calendar", "--from", "2025-05-12", "--days", "1", "--segment", "currency")
    assert "[one source]" in (await user.says(*words)).out
    (row,) = (await user.says(*words, "--json")).json["days"]
    assert (row["trading"], row["single_source"], len(row["sources"])) == (False, True, 1)


async def test_the_file_on_the_page_can_be_used_and_counts(with_own_days):
    user = with_own_days(block("yaml"))
    done = await user.says("calendar", "--from", "2026-11-08", "--days", "1", "--json")
    opens = [row["sessions"][0]["opens"] for row in done.json["days"]]
    assert opens == ["2026-11-08T18:00:00+05:30"] * 3
    assert done.json["days"][0]["sources"] == ["override"]
    people = await user.says("calendar", "--from", "2026-12-03", "--days", "3")
    assert "closed (Election)" in people.out
    assert "17:00-23:55 Evening session (Election)" in people.out
    assert "09:15-10:00 Special session" in people.out


async def test_mistakes_in_the_file_are_told_and_exit_2(with_own_days):
    user = with_own_days("closures: [{day: tomorrow, name: x}]")
    done = await user.says("calendar", "--json")
    assert done.code == 2
    (problem,) = done.json["problems"]
    assert problem["key"].endswith("days/own.yaml: closures.0.day")
    assert problem["hint"]
    checked = await user.says("check", "--json")
    assert any(
        row["key"] == problem["key"] and row["level"] == "problem"
        for row in checked.json["findings"]
    )


async def test_a_file_that_is_missing_is_told(user):
    (user.folder / "config.yaml").write_text(CONFIG)
    done = await user.says("calendar")
    assert done.code == 2
    assert "calendar.override: there is no file" in done.err
    assert str(user.folder / "days/own.yaml") in done.err


async def test_wrong_words_are_refused(user):
    for words in (("--from", "tomorrow"), ("--days", "0"), ("--segment", "shares")):
        done = await user.says("calendar", *words)
        assert done.code == 2
        assert "Usage" in done.err
