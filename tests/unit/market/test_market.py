"""The trading calendar: what it knows, what it does not, and what a user's own file changes."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autologin.clock import IST
from autologin.errors import ConfigError
from autologin.market.calendar import OWN, SEGMENTS
from autologin.market.loader import DATA, load_calendar

CALENDAR = load_calendar()
SHIPPED = json.loads(DATA.read_text())
FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
KNOWN = st.dates(FIRST, LAST)
ALL = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
ROWS = [
    (name, kind, row)
    for name, one in SHIPPED["segments"].items()
    for kind in ("hours", "closures", "sessions")
    for row in one[kind]
]


def hours(day, segment, calendar=CALENDAR):
    """The sessions of a day as text; "?" where a time is not known."""
    found = calendar.sessions(date.fromisoformat(day), segment)
    return [
        f"{one.opens:%H:%M}-{one.closes:%H:%M}" if one.opens and one.closes else "?"
        for one in found
    ]


def trades(day, *segments, calendar=CALENDAR):
    return calendar.is_trading_day(date.fromisoformat(day), segments or ("equity",))


# Ordinary days


@pytest.mark.parametrize(
    ("day", "segment", "expected"),
    [
        ("2025-06-16", "equity", "09:15-15:30"),
        ("2026-07-31", "equity", "09:15-15:30"),
        (
            "2026-08-03",
            "equity",
            "09:15-15:40",
        ),  # derivatives close later since the closing auction
        ("2026-12-04", "equity", "09:15-15:40"),
        ("2026-12-07", "equity", "09:15-15:45"),
        ("2025-06-16", "currency", "09:00-17:00"),
    ],
)
def test_regular_hours(day, segment, expected):
    assert hours(day, segment) == [expected]


@pytest.mark.parametrize(
    ("day", "closes"),
    [
        ("2024-01-02", "23:55"),
        ("2024-03-07", "23:55"),
        ("2024-03-11", "23:30"),
        ("2024-10-31", "23:30"),
        ("2024-11-04", "23:55"),
        ("2025-03-07", "23:55"),
        ("2025-03-10", "23:30"),
        ("2025-10-31", "23:30"),
        ("2025-11-03", "23:55"),
        ("2026-03-06", "23:55"),
        ("2026-03-09", "23:30"),
        ("2026-10-30", "23:30"),
        ("2026-11-02", "23:55"),
    ],
)
def test_mcx_closes_later_in_the_winter_of_the_us(day, closes):
    assert hours(day, "commodity") == [f"09:00-{closes}"]


def test_weekends_are_closed():
    for day in ("2026-11-28", "2026-11-29", "2024-02-29"):
        assert trades(day, *SEGMENTS) is (day == "2024-02-29")


# Where the libraries are wrong (each checked against what the exchanges announced)


@pytest.mark.parametrize("day", ["2024-01-22", "2024-05-20", "2024-11-20", "2026-01-15"])
def test_closures_that_were_announced_late(day):
    assert trades(day, "equity") is False
    assert trades(day, "currency") is False
    assert hours(day, "commodity")[0].startswith("17:00-")


@pytest.mark.parametrize("day", ["2025-02-01", "2026-02-01"])
def test_budget_days_on_a_weekend(day):
    assert date.fromisoformat(day).weekday() >= 5
    assert hours(day, "equity") == ["09:15-15:30"]
    assert hours(day, "commodity") == ["09:00-17:00"]
    assert trades(day, "currency") is False


def test_special_saturdays():
    assert hours("2024-01-20", "equity") == ["09:15-15:30"]
    for day in ("2024-03-02", "2024-05-18"):
        assert hours(day, "equity") == ["09:15-10:00", "11:30-12:30"]
        assert trades(day, "currency", "commodity") is False


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize(
    ("day", "expected"),
    [("2024-11-01", "18:00-19:00"), ("2025-10-21", "13:45-14:45"), ("2026-11-08", "?")],
)
def test_muhurat_trading(day, expected, segment):
    assert trades(day, segment) is True
    assert hours(day, segment) == [expected]
    (session,) = CALENDAR.sessions(date.fromisoformat(day), segment)
    assert session.name == "Muhurat trading"


def test_there_is_one_muhurat_a_year_and_segment():
    found = Counter(
        (row["day"][:4], name) for name, _, row in ROWS if row.get("name") == "Muhurat trading"
    )
    assert found == {(year, name): 1 for year in ("2024", "2025", "2026") for name in SEGMENTS}


def test_a_time_that_is_not_published_is_not_made_up():
    (session,) = CALENDAR.sessions(date(2026, 11, 8), "equity")
    assert (session.opens, session.closes) == (None, None)
    assert "guesses" in session.note


# MCX


@pytest.mark.parametrize(
    "day",
    [
        "2024-03-25",
        "2024-07-17",
        "2025-03-14",
        "2025-08-27",
        "2025-10-22",
        "2026-05-28",
        "2026-11-24",
    ],
)
def test_mcx_trades_in_the_evening_of_most_holidays(day):
    assert trades(day, "equity", "currency") is False
    (evening,) = hours(day, "commodity")
    assert evening in {"17:00-23:30", "17:00-23:55"}


@pytest.mark.parametrize(
    "day",
    [
        "2024-01-26",
        "2024-12-25",
        "2025-04-18",
        "2025-08-15",
        "2026-01-26",
        "2026-10-02",
        "2026-12-25",
    ],
)
def test_mcx_is_closed_on_national_holidays(day):
    assert trades(day, *SEGMENTS) is False


@pytest.mark.parametrize("day", ["2025-01-01", "2026-01-01"])
def test_new_year_has_no_evening_at_mcx_and_is_ordinary_elsewhere(day):
    assert hours(day, "commodity") == ["09:00-17:00"]
    assert trades(day, "equity") is True


def test_evenings_end_as_the_season_has_it():
    assert hours("2026-03-03", "commodity") == ["17:00-23:55"]
    assert hours("2026-03-26", "commodity") == ["17:00-23:30"]
    assert hours("2026-11-10", "commodity") == ["17:00-23:55"]


# Currency


@pytest.mark.parametrize(
    "day", ["2024-04-01", "2024-05-23", "2025-02-19", "2026-04-01", "2026-08-26"]
)
def test_currency_is_closed_on_bank_holidays_and_equity_is_not(day):
    assert trades(day, "currency") is False
    assert trades(day, "equity") is True
    assert trades(day, "currency", "equity") is True


@pytest.mark.parametrize(
    ("cancelled", "instead"), [("2024-09-16", "2024-09-18"), ("2025-09-05", "2025-09-08")]
)
def test_holidays_that_were_moved(cancelled, instead):
    assert trades(cancelled, "currency") is True
    assert trades(instead, "currency") is False


# What is not known


@pytest.mark.parametrize("day", ["2027-01-01", "2027-01-02", "2030-05-05", "2023-12-29"])
@pytest.mark.parametrize("segment", SEGMENTS)
def test_outside_of_its_years_nothing_is_known(day, segment):
    assert trades(day, segment) is None
    assert hours(day, segment) == []
    assert CALENDAR.closure(date.fromisoformat(day), segment) is None


def test_nobody_knows_when_an_account_without_segments_trades():
    assert CALENDAR.is_trading_day(date(2026, 11, 27), []) is None


def test_it_says_how_long_it_is_good():
    assert (CALENDAR.first, CALENDAR.good_until) == (FIRST, LAST)


# The data


def test_every_date_has_sources_that_are_explained():
    for name, kind, row in ROWS:
        assert row["sources"], (name, kind, row)
        assert set(row["sources"]) <= SHIPPED["sources"].keys()
    used = {source for *_, row in ROWS for source in row["sources"]}
    assert used == SHIPPED["sources"].keys()


def test_dates_are_in_order_once_and_within_the_years():
    for name, one in SHIPPED["segments"].items():
        for kind in ("closures", "sessions"):
            days = [row["day"] for row in one[kind]]
            assert days == sorted(days), (name, kind)
            assert SHIPPED["first"] <= days[0] <= days[-1] <= SHIPPED["good_until"]
        closed = [row["day"] for row in one["closures"]]
        assert len(closed) == len(set(closed))
        assert [row["from"] for row in one["hours"]] == sorted(row["from"] for row in one["hours"])


def test_a_closure_on_a_weekend_would_say_nothing():
    assert [
        row["day"]
        for *_, row in ROWS
        if "part" in row or "opens" not in row
        if date.fromisoformat(row["day"]).weekday() > 4
    ] == []


def test_what_equity_closes_for_currency_closes_for_too():
    for day in ALL:
        if CALENDAR.closure(day, "equity"):
            assert CALENDAR.closure(day, "currency"), day
            assert CALENDAR.closure(day, "commodity"), day


@pytest.mark.parametrize(
    ("year", "equity", "currency"), [(2024, 17, 22), (2025, 14, 18), (2026, 16, 20)]
)
def test_the_number_of_weekdays_on_which_each_is_closed(year, equity, currency):
    found = Counter(
        segment
        for day in ALL
        for segment in SEGMENTS
        if day.year == year and CALENDAR.closure(day, segment)
    )
    assert (found["equity"], found["currency"]) == (equity, currency)


def test_one_source_is_marked():
    single = CALENDAR.closure(date(2025, 5, 12), "currency")
    assert single.single_source
    assert not CALENDAR.closure(date(2026, 1, 26), "equity").single_source


# Properties


@given(KNOWN, st.sampled_from(SEGMENTS))
def test_sessions_are_in_order_apart_and_on_their_day(day, segment):
    ends = datetime.combine(day, datetime.min.time(), IST)
    for session in CALENDAR.sessions(day, segment):
        if session.opens is None:
            assert session.closes is None
            continue
        assert session.opens.utcoffset() == timedelta(hours=5, minutes=30)
        assert ends <= session.opens < session.closes
        assert session.opens.date() == session.closes.date() == day
        ends = session.closes


@given(
    st.dates(FIRST - timedelta(days=9), LAST + timedelta(days=9)),
    st.lists(st.sampled_from(SEGMENTS), min_size=1),
)
def test_a_day_trades_where_it_has_a_session(day, segments):
    answer = CALENDAR.is_trading_day(day, segments)
    assert (answer is None) == (not FIRST <= day <= LAST)
    assert bool(answer) == any(CALENDAR.sessions(day, segment) for segment in segments)


@given(st.dates(date(2023, 12, 1), date(2026, 12, 30)), st.times(), st.sampled_from(SEGMENTS))
def test_the_next_session_is_the_first_that_opens_later(day, hour, segment):
    after = datetime.combine(day, hour, IST)
    found = CALENDAR.next_session(after, [segment])
    later = [
        one
        for day in ALL
        for one in CALENDAR.sessions(day, segment)
        if one.opens and one.opens > after
    ]
    assert found is not None
    if found.opens is not None:
        assert found == later[0]


# The next session


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=IST)


@pytest.mark.parametrize(
    ("after", "segments", "opens"),
    [
        ("2026-11-27T08:00", ["equity"], "2026-11-27T09:15"),
        ("2026-11-27T09:15", ["equity"], "2026-11-30T09:15"),
        ("2026-11-27T08:00", ["equity", "commodity"], "2026-11-27T09:00"),
        ("2026-11-09T16:00", ["equity"], "2026-11-11T09:15"),
        ("2026-11-09T16:00", ["equity", "commodity"], "2026-11-10T17:00"),
        ("2023-06-01T00:00", ["equity"], "2024-01-01T09:15"),
    ],
)
def test_next_session(after, segments, opens):
    assert CALENDAR.next_session(at(after), segments).opens == at(opens)


def test_a_session_without_a_time_may_still_come_today():
    for hour in ("2026-11-07T12:00", "2026-11-08T23:00"):
        assert CALENDAR.next_session(at(hour), ["equity"]).name == "Muhurat trading"
    assert CALENDAR.next_session(at("2026-11-09T00:01"), ["equity"]).opens == at("2026-11-09T09:15")


def test_there_is_no_next_session_when_nothing_more_is_known():
    assert CALENDAR.next_session(at("2026-12-31T23:00"), SEGMENTS) is None


# A user's own file


def own(folder, text):
    file = folder / "days.yaml"
    file.write_text(text)
    return load_calendar(file)


def test_a_user_gives_the_hours_of_a_session(tmp_path):
    calendar = own(
        tmp_path,
        "sessions: [{day: 2026-11-08, name: Muhurat trading, opens: 13:45, closes: 14:45, segments: [equity]}]",
    )
    assert hours("2026-11-08", "equity", calendar) == ["13:45-14:45"]
    assert hours("2026-11-08", "currency", calendar) == ["?"]


def test_a_user_closes_a_day_and_calls_off_a_session(tmp_path):
    calendar = own(
        tmp_path,
        "closures: [{day: 2026-12-03, name: A flood}, {day: 2026-11-08, name: No Muhurat}]",
    )
    for day in ("2026-12-03", "2026-11-08"):
        assert trades(day, *SEGMENTS, calendar=calendar) is False
    assert calendar.closure(date(2026, 12, 3), "equity").sources == (OWN,)
    assert not calendar.closure(date(2026, 12, 3), "equity").single_source


def test_a_user_opens_a_day_that_is_shipped_as_closed(tmp_path):
    calendar = own(
        tmp_path,
        'sessions: [{day: 2026-12-25, name: Open after all, opens: "09:15", closes: "15:40"}]',
    )
    assert hours("2026-12-25", "equity", calendar) == ["09:15-15:40"]
    assert calendar.closure(date(2026, 12, 25), "equity") is None


def test_a_user_closes_the_morning_of_the_commodity_segment(tmp_path):
    calendar = own(
        tmp_path,
        "closures: [{day: 2026-12-03, name: Election, segments: [commodity], part: morning}]",
    )
    assert hours("2026-12-03", "commodity", calendar) == ["17:00-23:55"]
    assert trades("2026-12-03", "equity", calendar=calendar) is True


def test_half_a_closure_opens_no_weekend(tmp_path):
    calendar = own(
        tmp_path,
        "closures: [{day: 2026-12-05, name: Election, segments: [commodity], part: morning}]",
    )
    assert trades("2026-12-05", "commodity", calendar=calendar) is False


def test_a_user_knows_single_days_after_the_end(tmp_path):
    calendar = own(tmp_path, "closures: [{day: 2027-01-26, name: Republic Day}]")
    assert trades("2027-01-26", *SEGMENTS, calendar=calendar) is False
    assert trades("2027-01-27", calendar=calendar) is None
    assert calendar.good_until == LAST


def test_a_user_gives_a_whole_year(tmp_path):
    calendar = own(
        tmp_path, "good_until: 2027-12-31\nclosures: [{day: 2027-01-26, name: Republic Day}]"
    )
    assert trades("2027-01-26", calendar=calendar) is False
    assert hours("2027-01-27", "equity", calendar) == ["09:15-15:45"]
    assert trades("2027-01-30", calendar=calendar) is False
    assert trades("2028-01-03", calendar=calendar) is None


def test_an_older_promise_of_a_user_takes_nothing_away(tmp_path):
    assert own(tmp_path, "good_until: 2025-12-31").good_until == LAST


def test_two_sessions_on_a_day_are_put_in_order(tmp_path):
    rows = "{day: 2026-12-05, name: b, opens: 11:30, closes: 12:30}, {day: 2026-12-05, name: a, opens: 9:15, closes: 10:00}"
    assert hours("2026-12-05", "equity", own(tmp_path, f"sessions: [{rows}]")) == [
        "09:15-10:00",
        "11:30-12:30",
    ]


@pytest.mark.parametrize("text", ["", "closures:\nsessions:\ngood_until:\n", "# nothing yet"])
def test_an_empty_file_changes_nothing(tmp_path, text):
    calendar = own(tmp_path, text)
    assert [hours(str(day), "equity", calendar) for day in ALL] == [
        hours(str(day), "equity") for day in ALL
    ]


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("closures: [{day: 2027-02-30, name: x}]", "closures.0.day", "must be a date"),
        ("closures: [{day: 26-01-2027, name: x}]", "closures.0.day", "must be a date"),
        ("closures: [{day: 20270126, name: x}]", "closures.0.day", "must be a date"),
        ("closures: [{day: 2027-01-26}]", "closures.0.name", "is missing"),
        ("closures: [{name: x}]", "closures.0.day", "is missing"),
        ("closures: [2027-01-26]", "closures.0", "must be a mapping"),
        ("closures: {day: 2027-01-26, name: x}", "closures", "must be a list"),
        (
            "closures: [{day: 2027-01-26, name: x, segments: [shares]}]",
            "closures.0.segments.0",
            "must be one of",
        ),
        (
            "closures: [{day: 2027-01-26, name: x, segments: []}]",
            "closures.0.segments",
            "at least 1",
        ),
        (
            "closures: [{day: 2027-01-26, name: x, part: evening}]",
            "closures.0.part",
            "commodity segment alone",
        ),
        ("closures: [{day: 2027-01-26, name: x, part: noon}]", "closures.0.part", "must be one of"),
        (
            "closures: [{day: 2027-01-26, name: x, reason: y}]",
            "closures.0.reason",
            "is not a known key",
        ),
        (
            "closures: [{day: 2027-01-26, name: x}, {day: 2027-01-26, name: y, segments: [equity]}]",
            "closures.1.day",
            "twice",
        ),
        ("closure: []", "closure", "is not a known key"),
        ("good_until: next year", "good_until", "must be a date"),
        (
            "sessions: [{day: 2027-01-26, name: x, opens: 9 am, closes: 10:00}]",
            "sessions.0.opens",
            "must be a time of day",
        ),
        (
            "sessions: [{day: 2027-01-26, name: x, opens: 09:00}]",
            "sessions.0",
            "has one of opens and closes",
        ),
        (
            "sessions: [{day: 2027-01-26, name: x, opens: 10:00, closes: 09:00}]",
            "sessions.0.closes",
            "must be later",
        ),
        ("closures: [", "line 1", "is not YAML"),
        ("- 2027-01-26", "", "not a mapping"),
    ],
)
def test_mistakes_in_it_are_named_with_their_place_and_mend(tmp_path, text, key, message):
    with pytest.raises(ConfigError) as caught:
        own(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.key.startswith(str(tmp_path / "days.yaml"))
    assert key in problem.key
    assert message in problem.message
    assert problem.hint or "must be one of" in message or "at least" in message


def test_all_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        own(tmp_path, "closures: [{day: x, name: y}]\nsessions: [{day: z}]\nextra: 1")
    assert len(caught.value.problems) == 4


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_calendar(tmp_path / "none.yaml")
    assert [problem.key for problem in caught.value.problems] == ["calendar.override"]
