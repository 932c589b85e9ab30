"""When an account logs in. The calendar is a small one; what cron expressions mean is asked of a cron library."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from pydantic import SecretStr, ValidationError
from support.service import Weekdays

from autologin.clock import IST
from autologin.config.schema import Schedule, Watch
from autologin.service import schedule
from autologin.service.schedule import History, Timetable, next_action
from autologin.store.records import Run, StoredToken
from autologin.token import Token

DAY = date(2026, 11, 25)
"""A Wednesday."""


def ist(hour, minute=0, day=DAY):
    return datetime.combine(day, time(hour, minute), IST)


def table(segments=("equity",), zone=IST, calendar=None, **keys):
    return Timetable("mine", Schedule(**keys), segments, zone, calendar or Weekdays())


# Plans


def test_a_trading_day():
    plan = table().current(ist(8, 30))
    assert (plan.at, plan.ready_by) == (ist(8, 15), ist(9))
    assert (plan.opens, plan.closes, plan.certain) == (ist(9, 15), ist(15, 30), True)


@pytest.mark.parametrize(
    ("moment", "there"),
    [(ist(8, 14), False), (ist(8, 15), True), (ist(15, 29), True), (ist(15, 30), False)],
)
def test_a_plan_lasts_from_its_login_time_to_the_end_of_trading(moment, there):
    assert (table().current(moment) is not None) == there


def test_no_plan_on_a_holiday_or_at_a_weekend():
    closed = Weekdays({DAY})
    assert table(calendar=closed).current(ist(9)) is None
    assert table(calendar=closed).next(ist(7)).at == ist(8, 15, DAY + timedelta(days=1))
    assert table().current(ist(9, day=date(2026, 11, 28))) is None
    assert table().next(ist(12, day=date(2026, 11, 27))).at == ist(8, 15, date(2026, 11, 30))


def test_a_day_that_the_calendar_does_not_know_is_a_day_to_log_in():
    plan = table(calendar=Weekdays(until=date(2026, 11, 1))).current(ist(8, 30))
    assert (plan.certain, plan.closes) == (False, ist(15, 30))


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        ("weekdays", "01111100"),
        ("daily", "11111111"),
        ("mon,wed,sun", "11010001"),
        ("trading", "01011100"),
    ],
)
def test_rules_for_days(days, wanted):
    calendar = Weekdays({date(2026, 11, 24)})
    sunday = date(2026, 11, 22)
    plans = [
        table(days=days, calendar=calendar).current(ist(9, day=sunday + timedelta(days=n)))
        for n in range(8)
    ]
    assert "".join("1" if plan else "0" for plan in plans) == wanted


def test_the_latest_of_several_segments_counts():
    assert table(("equity", "commodity")).current(ist(20)).closes == ist(23, 30)
    assert table(("equity", "commodity")).current(ist(20)).opens == ist(9)


def test_another_zone_logs_in_on_the_trading_days_of_india():
    """22:15 in New York in summer is 07:45 of the next morning in India: Sunday evening is Monday morning."""
    away = table(zone=ZoneInfo("America/New_York"), at="22:15", ready_by="23:30")
    assert away.next(datetime(2026, 7, 4, 12, tzinfo=UTC)).at == datetime(
        2026, 7, 6, 2, 15, tzinfo=UTC
    )
    assert away.next(datetime(2026, 12, 6, 0, tzinfo=UTC)).at == datetime(
        2026, 12, 7, 3, 15, tzinfo=UTC
    )


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_summer_time_begins_and_ends_without_a_missing_or_second_plan(day):
    away = table(zone=ZoneInfo("America/New_York"), at="02:30", days="daily")
    found, moment = [], datetime.combine(day - timedelta(days=2), time(12), UTC)
    while (plan := away.next(moment)) and plan.at.date() < day + timedelta(days=3):
        found.append(plan.at.date())
        moment = plan.at
    assert found == [day - timedelta(days=1) + timedelta(days=n) for n in range(4)]


def test_jitter_is_the_same_all_day_and_within_its_bound():
    first, again = (table(jitter="10m").current(ist(9)).at for _ in range(2))
    assert first == again
    assert timedelta(0) <= first - ist(8, 15) <= timedelta(minutes=10)
    others = {
        Timetable(name, Schedule(jitter="10m"), ["equity"], IST, Weekdays()).current(ist(9)).at
        for name in "abcdef"
    }
    assert len(others) > 3


def test_a_login_after_trading_is_caught_up_for_an_hour():
    late = table(at="16:00", days="daily")
    assert late.current(ist(16, 59))
    assert late.current(ist(17, 1)) is None


# Cron


EXPRESSIONS = [
    *(
        "15 8 * * 1-5",
        "15 8 * * MON-FRI",
        "15 8 * * 0",
        "15 8 * * 7",
        "15 8 * * 5-7",
        "15 8 * * sun",
        "0 8 * * 1,3,5",
    ),
    *(
        "*/20 8-9 * * 1-5",
        "15 8 1 * *",
        "15 8 1 * 1",
        "15 8 1,15 * mon,fri",
        "15 8 * 1-3 2",
        "15 8 */2 * *",
        "15 8 * * */2",
    ),
    *(
        "0 8 * jan,jul 1-5",
        "5,35 8 * * 6",
        "@daily",
        "@weekly",
        "@hourly",
        "@monthly",
        "@yearly",
        "59 23 31 12 *",
        "0 0 29 2 *",
    ),
    *("15 8 * * 1-5/2", "15 8 * * 0-6", "15 8 13 * 5"),
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_cron_expression_means_what_cron_means(text):
    found = list(schedule.triggers(Schedule(cron=text), UTC))
    start = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
    times = croniter(text, start)
    fires = schedule._fire_times(found, start, start + timedelta(days=3000))
    for _ in range(40):
        due = times.get_next(datetime)
        if due > start + timedelta(days=3000):
            break
        assert next(fires) == due


@pytest.mark.parametrize(
    "text",
    ["", "15 8 * *", "15 8 * * 8", "15 8 * * mon-", "60 8 * * *", "15 8 * * 5-1", "x y z a b"],
)
def test_what_is_no_cron_expression(text):
    with pytest.raises(ValidationError, match="cron"):
        Schedule(cron=text)


def test_a_cron_expression_stands_for_time_and_days():
    sunday = ist(10, 5, date(2026, 11, 29))
    assert table(cron="0 10 * * 0").current(sunday).at == ist(10, 0, date(2026, 11, 29))
    assert table(cron="0 10 * * 0").next(sunday).at == ist(10, 0, date(2026, 12, 6))


# What a moment asks for


def run(began, outcome="issued", error=None, seconds=2.0):
    return Run("mine", "zerodha", began, outcome, error, None, seconds, {})


def stored(issued=None, expires=None, verified=None):
    token = Token(
        SecretStr("t"), issued or ist(8, 16), expires or ist(6, day=DAY + timedelta(days=1)), "U"
    )
    return StoredToken("zerodha", token, verified)


def asks(now, *runs, token=None, **watch):
    plan = table().current(now)
    return next_action(now, plan, History(token, runs), Watch(**watch))


FAILED = {"outcome": "failed", "error": "broker_unavailable"}


def test_nothing_ran_yet():
    assert asks(ist(8, 15)) == "login"
    assert asks(ist(11)) == "login", "it is caught up"


def test_a_login_that_succeeded_is_not_repeated():
    assert asks(ist(9), run(ist(8, 15)), token=stored()) is None
    assert asks(ist(9), run(ist(8, 15), "still_valid"), token=stored()) is None


@pytest.mark.parametrize(("failed", "pause"), [(1, 30), (2, 60), (3, 120), (4, 300), (9, 300)])
def test_a_broker_that_is_not_available_is_tried_again_after_growing_pauses(failed, pause):
    runs = [run(ist(8, 15) + timedelta(minutes=n), **FAILED) for n in range(failed)][::-1]
    due = runs[0].began + timedelta(seconds=2 + pause)
    assert schedule.retry_at(History(None, runs), runs[0].began + timedelta(seconds=2)) == due
    assert asks(due - timedelta(seconds=1), *runs) is None
    assert asks(due, *runs) == "login"


@pytest.mark.parametrize(
    ("failed", "unanswered", "pause"),
    [(1, 2, 30), (2, 3, 300), (2, 4, 600), (3, 5, 900), (9, 40, 900)],
)
def test_the_pauses_grow_to_a_quarter_of_an_hour_where_answers_are_lost(failed, unanswered, pause):
    runs = [run(ist(8, 15) + timedelta(minutes=n), **FAILED) for n in range(failed)][::-1]
    ended = runs[0].began + timedelta(seconds=2)
    due = schedule.retry_at(History(None, runs, unanswered), ended)
    assert due == ended + timedelta(seconds=pause)


def test_a_failure_that_a_clock_put_into_the_future_delays_nothing():
    assert asks(ist(8, 20), run(ist(14), **FAILED)) == "login"


@pytest.mark.parametrize(
    "error",
    ["credentials_rejected", "captcha_required", "account_blocked", "page_changed", "config_error"],
)
def test_what_needs_a_person_is_not_tried_again(error):
    assert asks(ist(12), run(ist(8, 15), "failed", error)) is None


def test_a_run_that_was_cut_off_is_tried_again():
    assert asks(ist(8, 16), run(ist(8, 15), None, None, None)) == "login"


def test_a_token_that_the_broker_refused_is_replaced_only_where_that_is_wanted():
    assert asks(ist(11), run(ist(8, 15))) is None
    assert asks(ist(11), run(ist(8, 15)), relogin=True) == "login"


def test_never_in_a_fight_with_another_login():
    assert asks(ist(8, 40), run(ist(8, 15)), relogin=True) is None
    logins = [run(ist(8, 15) + timedelta(minutes=40 * n)) for n in range(4)][::-1]
    assert asks(ist(14), *logins, relogin=True) is None
    assert asks(ist(14), *logins[1:], relogin=True) == "login"


def test_a_token_that_ends_before_the_market_is_renewed_at_four_fifths_of_its_life():
    hour = stored(ist(8, 15), ist(9, 15))
    assert asks(ist(9, 2), run(ist(8, 15)), token=hour) is None
    assert asks(ist(9, 3), run(ist(8, 15)), token=hour) == "renew"
    assert asks(ist(9, 16), run(ist(8, 15)), token=hour) == "login"


def test_renewals_are_capped():
    runs = [run(ist(8, 15) + timedelta(minutes=n)) for n in range(schedule.MAX_RENEWALS)][::-1]
    assert asks(ist(9, 10), *runs, token=stored(ist(8, 15), ist(9, 15))) is None


def test_after_trading_nothing_is_wanted():
    plan = table().current(ist(9))
    assert next_action(ist(15, 30), plan, History(None, []), Watch()) is None


@pytest.mark.parametrize(
    ("token", "runs", "proven"),
    [
        (None, [], False),
        (stored(), [run(ist(8, 15))], True),
        (stored(verified=ist(8, 20)), [], True),
        (stored(issued=ist(7), verified=ist(7, 1)), [], False),
        (stored(expires=ist(8, 50)), [run(ist(8, 15))], False),
    ],
)
def test_proven_is_what_the_broker_has_confirmed_since_the_plan_began(token, runs, proven):
    plan = table().current(ist(9))
    assert History(token, runs).has_verified_token(plan, ist(9)) == proven
