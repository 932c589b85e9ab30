"""The service asks its sinks whether the tokens are still there: at its start, at each check of a token, after a new config."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest
from support.service import DAY, Weekdays, ist, vigil

from autologin.web.readiness import read_readiness

pytestmark = pytest.mark.usefixtures("_inline")


@pytest.fixture
async def watch(tmp_path):
    """A service whose account has logged in, at 08:20."""
    async with vigil(tmp_path, ist(8), calendar=Weekdays()) as one:
        one.start()
        await one.clock.until(ist(8, 20))
        assert ready(one) == (True, "")
        yield one


def ready(one):
    (account,) = read_readiness(one.service)
    return account.ready_today, account.lacking


def file(one):
    return one.folder / "tokens" / "one.json"


def causes(one):
    return one.service.store.alerts.causes("one")


def delivered(one):
    counters = one.service.store.history.counters("delivery")
    return {counter.outcome: counter.number for counter in counters}


def occupy(one):
    """The folder is gone, and nobody can make it."""
    shutil.rmtree(one.folder / "tokens")
    (one.folder / "tokens").write_text("a file")


async def restart(one, **within):
    one.start()
    await one.clock.until(one.clock.now() + timedelta(**(within or {"seconds": 5})))


async def test_a_token_that_a_restart_has_lost_is_there_again_at_once(watch):
    await watch.stop()
    shutil.rmtree(watch.folder / "tokens")
    watch.start()
    assert ready(watch) == (False, "sink_not_asked")
    await watch.clock.until(watch.clock.now() + timedelta(seconds=1))
    assert json.loads(file(watch).read_text())["access_token"] == "token-one-000001"
    assert ready(watch) == (True, "")
    assert delivered(watch) == {"delivered": 1, "redelivered": 1}
    assert len(watch.world.logins) == 1


async def test_it_is_not_ready_where_it_cannot_be_delivered_again(watch):
    await watch.stop()
    occupy(watch)
    await restart(watch)
    assert ready(watch) == (False, "sink_lacks_token")
    await watch.clock.until(watch.clock.now() + timedelta(minutes=3))
    assert causes(watch) == ["sink tokens"]
    (watch.folder / "tokens").unlink()
    await watch.clock.until(watch.clock.now() + timedelta(minutes=5))
    assert ready(watch) == (True, "")
    assert causes(watch) == []


async def test_it_is_not_ready_where_the_first_delivery_fails(tmp_path):
    async with vigil(tmp_path, ist(8), calendar=Weekdays()) as one:
        (tmp_path / "tokens").write_text("a file")
        one.start()
        await one.clock.until(ist(8, 20))
        assert ready(one) == (False, "sink_lacks_token")


async def test_a_token_that_is_lost_in_the_day_is_there_again_after_the_next_check(watch):
    file(watch).unlink()
    await watch.clock.until(ist(8, 40))  # before the market opens, too
    assert file(watch).exists()
    await watch.clock.until(ist(10))
    file(watch).unlink()
    await watch.clock.until(ist(10, 15))
    assert file(watch).exists()
    assert causes(watch) == []


async def test_something_that_takes_it_away_all_the_time_is_told(watch):
    for _ in range(5):
        file(watch).unlink(missing_ok=True)
        await watch.clock.until(watch.clock.now() + timedelta(minutes=25))
    assert not file(watch).exists()
    assert delivered(watch) == {"delivered": 1, "redelivered": 3}
    assert causes(watch) == ["sink tokens"]
    assert ready(watch) == (False, "sink_lacks_token")


async def test_something_else_in_its_place_is_told_once_until_the_next_token(watch):
    file(watch).write_text("by hand")
    await watch.clock.until(ist(9))
    assert causes(watch) == ["replaced tokens"]
    assert ready(watch) == (False, "sink_lacks_token")
    await watch.stop()
    await restart(watch, minutes=30)
    assert file(watch).read_text() == "by hand"
    assert causes(watch) == ["replaced tokens"]
    await watch.clock.until(ist(9, day=DAY + timedelta(days=1)))
    assert "token-one-000002" in file(watch).read_text()
    assert causes(watch) == []
    assert ready(watch) == (True, "")
    assert delivered(watch) == {"delivered": 2}


async def test_another_path_in_a_new_config_gets_its_token(watch):
    config = watch.folder / "config.yaml"
    config.write_text(config.read_text().replace("tokens/{account}", "elsewhere/{account}"))
    watch.service.reload()
    await watch.clock.until(watch.clock.now() + timedelta(seconds=5))
    assert (watch.folder / "elsewhere" / "one.json").exists()


async def test_a_sink_that_is_new_in_the_config_gets_the_token(watch):
    config = watch.folder / "config.yaml"
    text = config.read_text().replace("sinks: [tokens]", "sinks: [tokens, more]")
    config.write_text(text.replace("sinks:\n", "sinks:\n  more: {type: file, path: more}\n", 1))
    watch.service.reload()
    await watch.clock.until(watch.clock.now() + timedelta(seconds=5))
    assert (watch.folder / "more").exists()


async def test_an_expired_token_is_not_delivered_again(watch):
    await watch.stop()
    shutil.rmtree(watch.folder / "tokens")
    watch.clock.jump(23 * 3600)
    watch.world.out = [(watch.clock.now(), watch.clock.now() + timedelta(hours=1))]
    await restart(watch)
    assert not file(watch).exists()
