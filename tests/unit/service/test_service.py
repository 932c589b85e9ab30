"""The service by a virtual clock: real runs, real store, a broker without a network."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from support.service import DAY, Weekdays, ist, vigil

from autologin.clock import IST
from autologin.errors import CaptchaRequired, CredentialsRejected, PageChanged, StoreError

pytestmark = pytest.mark.usefixtures("_inline")


@pytest.fixture
async def watch(tmp_path):
    async with vigil(tmp_path, ist(7), calendar=Weekdays()) as one:
        yield one


def told(one):
    """The alerts that are open."""
    return one.service.store.alerts.causes("one")


async def test_it_logs_in_at_its_time_and_delivers(watch):
    watch.start()
    await watch.clock.until(ist(8, 14))
    assert watch.world.logins == []
    await watch.clock.until(ist(8, 16))
    ((user, at),) = watch.world.logins
    assert user == "one"
    assert timedelta(0) <= at - ist(8, 15) <= timedelta(seconds=5)
    assert (
        json.loads((watch.folder / "tokens/one.json").read_text())["access_token"]
        == "token-one-000001"
    )


async def test_a_store_that_fails_for_a_while_ends_nothing(watch, monkeypatch):
    service = watch.start()
    await watch.clock.until(ist(8))
    with monkeypatch.context() as broken:
        broken.setattr(service.store.history, "runs", failing)
        broken.setattr(service.store.tokens, "purge", failing)
        await watch.clock.until(ist(8, 20))
    assert watch.world.logins == []
    await watch.clock.until(ist(8, 21))
    assert len(watch.world.logins) == 1
    assert not watch.task.done()


def failing(*_args, **_more):
    raise StoreError("The disk is full")


async def test_one_login_a_day_and_none_at_the_weekend(watch):
    watch.start()
    await watch.clock.until(ist(7, day=DAY + timedelta(days=7)))
    assert [at.astimezone(IST).date().day for _, at in watch.world.logins] == [25, 26, 27, 30, 1]


@pytest.mark.parametrize(
    ("hour", "day", "today", "now"),
    [
        (0, 25, True, False),
        (7, 25, True, False),
        (9, 25, True, True),
        (20, 25, False, False),
        (9, 28, False, False),
    ],
)
async def test_what_is_due_today(watch, hour, day, today, now):
    watch.clock.jump((ist(hour, day=DAY.replace(day=day)) - watch.clock.now()).total_seconds())
    watch.start()
    assert (watch.service.due_today("one"), watch.service.due_now("one")) == (today, now)


async def test_what_was_missed_is_caught_up_until_trading_ends(watch):
    await watch.clock.until(ist(11))
    watch.start()
    await watch.clock.until(ist(11, 1))
    assert len(watch.world.logins) == 1


async def test_nothing_is_caught_up_after_trading(watch):
    await watch.clock.until(ist(16))
    watch.start()
    await watch.clock.until(ist(23))
    assert watch.world.logins == []


async def test_a_restart_does_not_log_in_again(watch):
    watch.start()
    await watch.clock.until(ist(8, 20))
    await watch.stop()
    watch.start()
    await watch.clock.until(ist(12))
    assert len(watch.world.logins) == 1


async def test_an_outage_is_waited_for_and_told_once(watch):
    watch.world.out = [(ist(8), ist(9, 5))]
    watch.world.handles = False
    watch.start()
    await watch.clock.until(ist(8, 49))
    assert told(watch) == []
    await watch.clock.until(ist(8, 51))
    assert told(watch) == ["late"]
    await watch.clock.until(ist(9, 1))
    assert told(watch) == ["late", "not_ready"]
    await watch.clock.until(ist(9, 15))
    assert told(watch) == []
    assert (watch.folder / "tokens/one.json").exists()


async def test_a_morning_of_lost_answers_blocks_no_secret_that_was_right_yesterday(watch):
    tomorrow = DAY + timedelta(days=1)
    watch.world.out = [(ist(8, day=tomorrow), ist(9, 40, day=tomorrow))]
    watch.start()
    await watch.clock.until(ist(9, 39, day=tomorrow))
    assert told(watch) == ["late", "no_answer", "not_ready"]
    sent = [at for _, at in watch.world.logins[1:]]
    pauses = [(later - one).total_seconds() / 60 for one, later in pairwise(sent)]
    assert pauses == pytest.approx([0.5, 1, 5, 10, *[15] * (len(pauses) - 4)], abs=0.1)
    assert len(pauses) > 5
    await watch.clock.until(ist(10, day=tomorrow))
    assert told(watch) == []
    assert "token-one-000002" in (watch.folder / "tokens/one.json").read_text()


async def test_a_secret_that_was_never_right_is_sent_three_times_without_an_answer(watch):
    watch.world.out = [(ist(8), ist(15))]
    watch.start()
    await watch.clock.until(ist(14))
    assert len(watch.world.logins) == 3
    assert "account_blocked" in told(watch)


@pytest.mark.parametrize(
    ("error", "name"), [(CaptchaRequired, "captcha_required"), (PageChanged, "page_changed")]
)
async def test_what_needs_a_person_is_told_at_once_and_not_tried_again(watch, error, name):
    watch.world.refuses = {"one": error}
    watch.start()
    await watch.clock.until(ist(8, 16))
    assert told(watch) == [name]
    await watch.clock.until(ist(15))
    assert len(watch.world.logins) == 1
    assert told(watch) == sorted([name, "late", "not_ready"])


async def test_what_is_wrong_today_too_is_told_today_too(watch):
    watch.world.refuses = {"one": CaptchaRequired}
    watch.start()
    told_at = []
    begin = watch.service.store.alerts.begin

    def note(account, cause, *rest):
        is_news = begin(account, cause, *rest)
        if is_news and cause == "captcha_required":
            told_at.append(watch.clock.now().astimezone(IST).date())
        return is_news

    watch.service.store.alerts.begin = note
    await watch.clock.until(ist(15, day=DAY + timedelta(days=1)))
    assert told_at == [DAY, DAY + timedelta(days=1)]


async def test_a_blocked_account_is_not_logged_in_on_the_next_day(watch):
    watch.world.refuses = {"one": CredentialsRejected}
    watch.start()
    await watch.clock.until(ist(15, day=DAY + timedelta(days=2)))
    assert len(watch.world.logins) == 1
    assert "account_blocked" in told(watch)


async def test_a_token_that_dies_in_the_session_is_told_and_left_alone(watch):
    watch.start()
    await watch.clock.until(ist(10))
    watch.world.dead.add("token-one-000001")
    await watch.clock.until(ist(10, 12))
    assert "token_rejected" in told(watch)
    await watch.clock.until(ist(15))
    assert len(watch.world.logins) == 1


async def test_it_is_replaced_where_that_is_wanted(tmp_path):
    async with vigil(
        tmp_path, ist(7), more="watch: {relogin: true}\n", calendar=Weekdays()
    ) as watch:
        watch.start()
        await watch.clock.until(ist(10))
        watch.world.dead.add("token-one-000001")
        await watch.clock.until(ist(10, 12))
        assert len(watch.world.logins) == 2
        assert told(watch) == []


async def test_a_short_life_is_renewed(watch):
    watch.world.life = timedelta(hours=1)
    watch.start()
    await watch.clock.until(ist(15, 30))
    moments = [at.astimezone(IST) for _, at in watch.world.logins]
    assert {round((later - one).total_seconds() / 60) for one, later in pairwise(moments)} == {48}
    assert len(moments) == 9, "the last one lives until trading ends"


async def test_somebody_asks_for_a_run(watch):
    watch.start()
    await watch.clock.until(ist(7, 30))
    await watch.service.run_now("one")
    await watch.clock.until(ist(7, 31))
    assert len(watch.world.logins) == 1


async def test_a_reload_takes_a_corrected_config_over_and_refuses_a_bad_one(watch):
    watch.world.refuses = {"one": CaptchaRequired}
    watch.start()
    await watch.clock.until(ist(8, 30))
    file = watch.folder / "config.yaml"
    good = file.read_text()
    file.write_text(good.replace("accounts:", "acounts:"))
    watch.service.reload()
    assert list(watch.service.settings.accounts) == ["one"]
    file.write_text(
        good
        + "  two: {broker: paper, credentials: {user_id: two, password: secret-two}, sinks: [tokens]}\n"
    )
    watch.world.refuses = {}
    watch.service.reload()
    await watch.clock.until(ist(8, 31))
    assert sorted(user for user, _ in watch.world.logins[1:]) == ["one", "two"]


async def test_a_former_configs_sinks_are_closed_once_its_login_has_ended(watch):
    closed = []
    watch.world.takes = 20
    watch.start()
    await watch.clock.until(ist(8, 15, 5))
    former = watch.service.app.dispatcher

    async def close():
        closed.append((watch.folder / "tokens/one.json").exists())

    former.close = close
    watch.service.reload()
    await watch.clock.until(ist(8, 15, 10))
    assert closed == []
    await watch.clock.until(ist(8, 17))
    assert closed == [True]


async def test_an_account_that_leaves_the_config_ends_its_login_with_the_former_sinks(watch):
    closed = []
    watch.world.takes = 20
    watch.start()
    await watch.clock.until(ist(8, 15, 5))
    file, former = watch.folder / "config.yaml", watch.service.app.dispatcher

    async def close():
        closed.append((watch.folder / "tokens/one.json").exists())

    former.close = close
    file.write_text(file.read_text().replace("  one: {", "  other: {"))
    watch.service.reload()
    assert list(watch.service.settings.accounts) == ["other"]
    await watch.clock.until(ist(8, 15, 10))
    assert closed == []
    await watch.clock.until(ist(8, 17))
    assert closed == [True]


async def test_stop_lets_a_login_end(watch):
    watch.world.takes = 20
    watch.start()
    await watch.clock.until(ist(8, 15, 5))
    await watch.stop()
    assert (watch.folder / "tokens/one.json").exists()


async def test_stop_waits_no_longer_than_it_may(watch):
    watch.world.takes = 80
    watch.start()
    await watch.clock.until(ist(8, 15, 5))
    await watch.stop()
    assert ist(8, 15, 34) <= watch.clock.now() <= ist(8, 15, 40)
    assert watch.world.logins == []


async def test_a_clock_that_is_set_changes_nothing(watch):
    watch.start()
    await watch.clock.until(ist(8, 20))
    watch.clock.jump(-2 * 3600)
    await watch.clock.until(ist(9))
    assert len(watch.world.logins) == 1
    watch.clock.jump(24 * 3600)
    await watch.clock.until(ist(9, 2, day=DAY + timedelta(days=1)))
    assert len(watch.world.logins) == 2


async def test_a_sink_that_does_not_get_its_token_is_told_and_recovers(watch):
    (watch.folder / "tokens").write_text("in the way")
    watch.start()
    await watch.clock.until(ist(8, 20))
    assert told(watch) == ["sink tokens"]
    (watch.folder / "tokens").unlink()
    await watch.clock.until(ist(8, 25))
    assert told(watch) == []
    assert (watch.folder / "tokens/one.json").exists()
