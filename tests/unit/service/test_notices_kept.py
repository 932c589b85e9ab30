"""A notice is kept until somebody has taken it or its cause is over: the service by a virtual clock, receivers on real sockets."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from datetime import timedelta

import pytest
from support.receiver import receiver
from support.service import Weekdays, ist, vigil

from autologin.config import overrides
from autologin.errors import CaptchaRequired
from autologin.service.alerts import AlertRules
from autologin.web import metrics, status_page

pytestmark = pytest.mark.usefixtures("_inline")
CAPTCHA = "autologin: one captcha required"


def watching(folder, *receivers, command=""):
    told = {"urls": [one.url for one in receivers], **({"command": command} if command else {})}
    return vigil(folder, ist(7), more=f"notify: {json.dumps(told)}\n", calendar=Weekdays())


async def test_a_receiver_that_is_down_for_two_hours_is_told_when_it_is_back_once(tmp_path):
    async with (
        receiver() as here,
        receiver(here=False) as away,
        watching(tmp_path, here, away) as one,
    ):
        one.world.refuses = {"one": CaptchaRequired}
        one.start()
        await one.until(ist(8, 16))
        assert here.titles == [CAPTCHA]
        await one.until(ist(10, 15))
        await away.come()
        await one.until(ist(10, 30))
        late = ["autologin: one late", "autologin: one not ready"]
        assert here.titles == [CAPTCHA, *late]
        assert sorted(away.titles) == sorted(here.titles)
        texts = " ".join(notice["message"] for notice in away.taken)
        assert "2026-11-25 08:15 IST" in texts
        await one.until(ist(14))
        assert len(here.taken) == len(away.taken) == 3


async def test_what_is_over_meanwhile_is_told_to_nobody_who_did_not_hear_of_it(tmp_path):
    async with (
        receiver() as here,
        receiver(here=False) as away,
        watching(tmp_path, here, away) as one,
    ):
        one.world.out = [(ist(8), ist(8, 55))]
        one.world.handles = False
        one.start()
        await one.until(ist(9, 10))
        assert here.titles == ["autologin: one late", "autologin: one recovered"]
        await away.come()
        await one.until(ist(15))
        assert away.taken == []
        assert len(here.taken) == 2


async def test_that_it_is_over_is_kept_too(tmp_path):
    async with receiver() as one_way, watching(tmp_path, one_way) as one:
        one.world.out = [(ist(8), ist(8, 55))]
        one.world.handles = False
        one.start()
        await one.until(ist(8, 52))
        await one_way.go()
        await one.until(ist(11))
        await one.stop()
        await one_way.come()
        one.start()
        await one.until(one.clock.now() + timedelta(minutes=5))
        assert one_way.titles == ["autologin: one late", "autologin: one recovered"]


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_it_is_told_after_a_restart(tmp_path, end):
    async with receiver(here=False) as away, watching(tmp_path, away) as one:
        one.world.refuses = {"one": CaptchaRequired}
        one.start()
        await one.until(ist(8, 16))
        await getattr(one, end)()
        await away.come()
        one.start()
        await one.until(one.clock.now() + timedelta(minutes=5))
        assert away.titles == [CAPTCHA]
        await getattr(one, end)()
        one.start()
        await one.until(one.clock.now() + timedelta(minutes=5))
        assert away.titles == [CAPTCHA]


async def test_a_kill_between_the_cause_and_the_sending(tmp_path, monkeypatch):
    async with receiver() as here, watching(tmp_path, here) as one:
        one.world.refuses = {"one": CaptchaRequired}
        monkeypatch.setattr("autologin.service.service.Service._drain", lambda *_words: None)
        one.start()
        await one.until(ist(8, 16))
        await one.kill()
        monkeypatch.undo()
        monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")
        assert here.taken == []
        one.start()
        await one.until(one.clock.now() + timedelta(seconds=30))
        assert here.titles == [CAPTCHA]


async def test_a_failure_while_it_stops_is_told(tmp_path):
    async with receiver() as here, watching(tmp_path, here) as one:
        one.world.refuses, one.world.takes = {"one": CaptchaRequired}, 10
        one.start()
        await one.until(ist(8, 15, 5), timedelta(seconds=5))
        stopping = one.service
        stopping.stop()
        await one.clock.until(ist(8, 15, 20))
        await one.task
        assert here.titles == [CAPTCHA]
        stopping.store.close()


async def test_a_way_that_hangs_blocks_neither_others_nor_the_service(tmp_path):
    async with receiver() as here, receiver() as slow:
        slow.hangs = True
        async with watching(tmp_path, slow, here) as one:
            one.world.refuses = {"one": CaptchaRequired}
            one.start()
            await one.clock.until(ist(8, 16))
            async with asyncio.timeout(10):
                while not here.taken:  # noqa: ASYNC110  (it is about sockets)
                    await asyncio.sleep(0)
            one.world.refuses = {}
            await one.service.run_now("one")
            await one.clock.until(ist(8, 20))
            assert (one.folder / "tokens/one.json").exists()


async def test_a_command_that_fails_is_tried_again(tmp_path):
    code = "import sys, pathlib; pathlib.Path('ready').exists() or sys.exit(3); pathlib.Path('got').write_text(sys.stdin.read())"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    async with watching(tmp_path, command=command) as one:
        one.world.refuses = {"one": CaptchaRequired}
        one.start()
        await one.until(ist(8, 17))
        assert not (tmp_path / "got").exists()
        (tmp_path / "ready").touch()
        await one.until(ist(8, 22))
        notice = json.loads((tmp_path / "got").read_text())
        assert (notice["kind"], notice["cause"]) == ("alert", "captcha_required")


async def test_where_a_person_would_look_for_it(tmp_path):
    async with receiver(here=False) as away, watching(tmp_path, away) as one:
        one.world.refuses = {"one": CaptchaRequired}
        service = one.start()
        await one.until(ist(8, 20))
        line = "notify.urls.0 has not taken 1 notice since 2026-11-25 08:15 IST: not accepted"
        assert [notices.describe() for notices in service.untaken_notices()] == [line]
        assert line in status_page.page(service, buttons=False, signed_in=False)
        text, _ = metrics.text(service)
        assert b'autologin_notices_untaken{way="notify.urls.0"} 1.0' in text
        assert b"notify:" not in text
        await away.come()
        await one.until(ist(8, 25))
        assert service.untaken_notices() == []
        assert "has not taken" not in status_page.page(service, buttons=False, signed_in=False)


async def test_an_account_that_left_the_config_is_told_of_no_more(tmp_path):
    async with receiver(here=False) as away, watching(tmp_path, away) as one:
        one.world.refuses = {"one": CaptchaRequired}
        one.start()
        await one.until(ist(8, 16))
        file = one.folder / "config.yaml"
        file.write_text(file.read_text().replace("  one: {", "  other: {"))
        one.service.reload()
        await away.come()
        await one.until(ist(8, 30))
        assert CAPTCHA not in away.titles
        assert not [account for account, _ in one.service.store.alerts.open() if account == "one"]


async def test_a_sink_that_left_the_account_is_told_of_no_more(tmp_path):
    async with receiver() as here, watching(tmp_path, here) as one:
        (one.folder / "tokens").write_text("in the way")
        one.start()
        await one.until(ist(8, 20))
        assert one.service.store.alerts.causes("one") == ["sink tokens"]
        file = one.folder / "config.yaml"
        file.write_text(file.read_text().replace("sinks: [tokens]", "sinks: []"))
        one.service.reload()
        await one.until(ist(8, 30))
        assert one.service.store.alerts.causes("one") == []
        assert here.titles == ["autologin: one sink tokens"]


async def test_a_kill_between_the_end_of_a_run_and_the_alert(tmp_path, monkeypatch):
    async with receiver() as here, watching(tmp_path, here) as one:
        one.world.refuses = {"one": CaptchaRequired}
        with monkeypatch.context() as without:
            for name in ("check_outcome", "check_last_run"):
                without.setattr(AlertRules, name, lambda *_words: None)
            one.start()
            await one.until(ist(8, 16))
            await one.kill()
        assert here.taken == []
        one.start()
        await one.until(one.clock.now() + timedelta(seconds=30))
        assert here.titles == [CAPTCHA]


async def test_a_notice_that_is_never_taken_holds_no_other_up(tmp_path):
    async with receiver() as here, watching(tmp_path, here) as one:
        here.refused = "captcha required"
        one.world.refuses = {"one": CaptchaRequired}
        one.start()
        await one.until(ist(9, 1))
        assert here.titles == ["autologin: one late", "autologin: one not ready"]


@pytest.mark.parametrize("mended_by", ["reload", "restart"])
async def test_a_config_that_is_refused_is_told(tmp_path, mended_by):
    async with receiver() as here, watching(tmp_path, here) as one:
        one.start()
        file = one.folder / "config.yaml"
        good = file.read_text()
        file.write_text(good.replace("accounts:", "acounts:"))
        one.service.reload()
        await one.until(ist(7, 1))
        assert here.titles == ["autologin: config refused"]
        assert "acounts" in here.taken[0]["message"]
        file.write_text(good)
        if mended_by == "reload":
            one.service.reload()
        else:
            await one.stop()
            one.start()
        await one.until(one.clock.now() + timedelta(minutes=1))
        assert here.titles == ["autologin: config refused", "autologin: recovered"]


async def test_why_an_account_is_late_is_true_where_its_login_worked(tmp_path):
    async with receiver() as here, watching(tmp_path, here) as one:
        one.world.out = [(ist(8), ist(8, 15, 30))]
        one.start()
        await one.until(ist(8, 30))
        one.world.dead.add("token-one-000001")
        await one.until(ist(9, 30))
        texts = {notice["title"]: notice["message"] for notice in here.taken}
        assert "The last login worked" in texts["autologin: one not ready"]
