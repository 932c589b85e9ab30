"""A delivery that is recorded is compared with the world: real files, AWS's own client, a store that outlives a process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from pydantic import SecretStr
from support.aws import REGION, credentials, moto, refusal, scripted
from support.clock import MORNING
from support.store import drop, save

from autologin import retry
from autologin.app import App
from autologin.config import loader
from autologin.delivery.dispatcher import report
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.store import outbox
from autologin.token import Token

assert credentials
SECRET = "12345678"
"""A short one, as ICICI's are: a plain hash of it would be the token."""
CONFIG = """
accounts:
  mine: {{broker: zerodha, credentials: {{api_key: k, api_secret: s, user_id: U, password: p, totp_secret: JBSWY3DPEHPK3PXP}}, sinks: [{names}]}}
sinks: {sinks}
state: {{path: state}}
"""
TOKENS = {"tokens": {"type": "file", "path": "tokens/{account}.json"}}


def a_token(text=SECRET, at=MORNING):
    return Token(SecretStr(text), at, MORNING + timedelta(hours=20), "U", {"client_id": "app"})


class Trader:
    """Somebody with one account, whose config may change and whose process may end."""

    def __init__(self, folder, clock, sinks=None):
        self.folder, self.clock, self.app = folder, clock, None
        self.configure(sinks or TOKENS)

    @property
    def file(self):
        return self.folder / "tokens" / "mine.json"

    @property
    def outbox(self):
        return self.app.store.outbox

    def configure(self, sinks):
        """Start anew with other sinks."""
        if self.app:
            self.app.store.close()
        text = CONFIG.format(names=", ".join(sinks), sinks=json.dumps(sinks))
        (self.folder / "config.yaml").write_text(text)
        settings = loader.load(self.folder / "config.yaml", {"HOME": str(self.folder)})
        self.app = App.open(settings, self.clock)

    def issue(self, one=None):
        save(self.app.store, "mine", one or a_token(), list(self.app.settings.sinks))
        self.outbox.release("mine")

    async def deliver(self, **options):
        return (await self.app.deliver(0, **options))["mine"]

    async def look(self, **options):
        try:
            await self.app.dispatcher.look(
                "mine", "zerodha", list(self.app.settings.sinks), **options
            )
        finally:
            await self.app.dispatcher.close()
        return self.state

    @property
    def state(self):
        (one,) = self.outbox.latest("mine")
        return one

    def counted(self):
        return {one.outcome: one.number for one in self.app.store.history.counters("delivery")}


@pytest.fixture
async def trader(tmp_path, clock):
    one = Trader(tmp_path, clock)
    one.issue()
    (result,) = await one.deliver()
    assert (result.outcome, result.found) == ("delivered", "present")
    yield one
    one.app.store.close()


# A file


async def test_a_file_that_is_there_is_left_alone(trader):
    before = trader.file.stat()
    trader.clock.move(minutes=5)
    (result,) = await trader.deliver()
    assert (result.outcome, result.found, trader.state.looked) == (
        "delivered",
        "present",
        MORNING + timedelta(minutes=5),
    )
    assert trader.file.stat() == before
    assert trader.counted() == {"delivered": 1}


@pytest.mark.parametrize("lose", [Path.unlink, lambda file: shutil.rmtree(file.parent)])
async def test_a_file_that_is_gone_is_written_again(trader, lose):
    content = trader.file.read_bytes()
    lose(trader.file)
    (result,) = await trader.deliver()
    assert (result.outcome, result.found) == ("delivered", "present")
    assert trader.file.read_bytes() == content
    assert trader.counted() == {"delivered": 1, "redelivered": 1}


def same_token_in_another_format(file):
    file.write_text(json.dumps(json.loads(file.read_text())))


def by_a_folder(file):
    file.unlink()
    file.mkdir()


def by_a_link(file):
    other = file.with_suffix(".moved")
    file.rename(other)
    file.symlink_to(other)


def by_a_dangling_link(file):
    file.unlink()
    file.symlink_to("nowhere")


def by_a_pipe(file):
    file.unlink()
    os.mkfifo(file)


def by_a_huge_file(file):
    os.truncate(file, 2**40)


@pytest.mark.parametrize(
    ("replace", "words"),
    [
        (lambda file: file.write_text("by hand"), "content"),
        (lambda file: file.write_text(""), "content"),
        (same_token_in_another_format, "content"),
        (by_a_folder, "a folder is in its place"),
        (by_a_link, "a link is in its place"),
        (by_a_dangling_link, "a link is in its place"),
        (by_a_pipe, "no plain file is in its place"),
        (by_a_huge_file, "a large file is in its place"),
    ],
)
async def test_something_else_in_its_place_is_never_overwritten_silently(trader, replace, words):
    replace(trader.file)
    before = trader.file.lstat()
    for _ in range(2):
        (result,) = await trader.deliver()
        assert (result.outcome, result.found) == ("replaced_by_other", "replaced")
        assert words in result.message
        assert "autologin deliver --force" in result.message
    assert trader.file.lstat() == before


async def test_somebody_who_insists_writes_it(trader):
    content = trader.file.read_bytes()
    trader.file.write_text("by hand")
    await trader.deliver()
    (result,) = await trader.deliver(force=True)
    assert (result.outcome, result.found) == ("delivered", "present")
    assert trader.file.read_bytes() == content


async def test_the_next_token_is_written_over_something_else(trader):
    trader.file.write_text("by hand")
    await trader.deliver()
    trader.issue(a_token("87654321", MORNING + timedelta(hours=1)))
    (result,) = await trader.deliver()
    assert result.outcome == "delivered"
    assert "87654321" in trader.file.read_text()
    assert trader.counted() == {"delivered": 2}


async def test_it_is_delivered_again_three_times_a_day_and_no_more(trader):
    for _ in range(outbox.REDELIVERIES):
        trader.file.unlink()
        assert (await trader.deliver())[0].outcome == "delivered"
    trader.file.unlink()
    trader.clock.move(minutes=1)
    (result,) = await trader.deliver()
    assert (result.outcome, result.found) == ("failed", "gone")
    assert "3 times today" in result.message
    assert not trader.file.exists()
    assert (await trader.deliver(force=True))[0].outcome == "delivered"
    assert trader.file.exists()


async def test_the_next_token_is_delivered_again_the_next_day(trader):
    for _ in range(outbox.REDELIVERIES):
        trader.file.unlink()
        await trader.deliver()
    trader.clock.move(hours=19)
    tomorrow = MORNING + timedelta(hours=25)
    trader.clock.wall = tomorrow
    trader.issue(Token(SecretStr("next"), tomorrow, tomorrow + timedelta(hours=20), "U"))
    await trader.deliver()
    trader.file.unlink()
    assert (await trader.deliver())[0].outcome == "delivered"
    assert trader.file.exists()


async def test_redeliveries_of_a_clock_that_was_ahead_do_not_count(trader):
    for _ in range(outbox.REDELIVERIES):
        trader.file.unlink()
        trader.clock.move(hours=5)
        await trader.deliver()
    trader.clock.wall = MORNING + timedelta(minutes=1)
    trader.file.unlink()
    assert (await trader.deliver())[0].outcome == "delivered"


async def test_who_takes_the_file_away_gets_it_once(tmp_path, clock):
    trader = Trader(tmp_path, clock, {"tokens": {**TOKENS["tokens"], "redeliver": False}})
    trader.issue()
    await trader.deliver()
    trader.file.unlink()
    (result,) = await trader.deliver()
    assert (result.outcome, result.found) == ("delivered", "taken")
    assert not trader.file.exists()
    trader.file.write_text("by hand")
    assert (await trader.deliver())[0].outcome == "replaced_by_other"
    trader.app.store.close()


async def test_an_expired_token_is_not_delivered_again(trader):
    trader.file.unlink()
    trader.clock.move(hours=21)
    assert await trader.deliver() == []
    assert not trader.file.exists()


async def test_a_refused_token_is_not_delivered_again(trader):
    drop(trader.app.store, "mine")
    trader.file.unlink()
    await trader.deliver()
    assert not trader.file.exists()


async def test_another_path_in_the_config_gets_its_token(trader):
    trader.configure({"tokens": {"type": "file", "path": "elsewhere/{account}.json"}})
    (result,) = await trader.deliver()
    assert result.outcome == "delivered"
    assert SECRET in (trader.folder / "elsewhere" / "mine.json").read_text()


@pytest.mark.parametrize("change", [{"format": "raw"}, {"fields": ["user_id"]}, {"mode": "0640"}])
async def test_another_form_in_the_config_is_written_at_once(trader, change):
    trader.configure({"tokens": {**TOKENS["tokens"], **change}})
    before = (trader.file.read_bytes(), trader.file.stat().st_mode)
    assert (await trader.deliver())[0].outcome == "delivered"
    assert (trader.file.read_bytes(), trader.file.stat().st_mode) != before


async def test_another_form_is_not_written_over_something_else(trader):
    trader.file.write_text("by hand")
    trader.configure({"tokens": {**TOKENS["tokens"], "format": "raw"}})
    assert (await trader.deliver())[0].outcome == "replaced_by_other"
    assert trader.file.read_text() == "by hand"


async def test_two_accounts_that_share_a_file_do_not_fight_for_it(tmp_path, clock):
    """Their user is known only from the token, so the config could not tell."""
    trader = Trader(tmp_path, clock, {"tokens": {"type": "file", "path": "tokens/{user_id}.json"}})
    trader.issue()
    await trader.deliver()
    app = trader.app
    app.dispatcher.recipients = None
    save(app.store, "other", a_token("others"), ["tokens"])
    app.store.outbox.release("other")
    await app.dispatcher.drain(["tokens"], seconds=0)
    for _ in range(3):
        for name in ("mine", "other"):
            await app.dispatcher.look(name, "zerodha", ["tokens"])
        await app.dispatcher.drain(["tokens"], seconds=0)
    found = [
        report(app.store.outbox.latest(name), ["tokens"])[0].outcome for name in ("mine", "other")
    ]
    assert found == ["replaced_by_other", "delivered"]
    assert "others" in (tmp_path / "tokens" / "U.json").read_text()
    app.store.close()


async def test_a_file_that_cannot_be_read_is_not_known(trader, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("autologin.delivery.sinks.file.os.open", refuse)
    (result,) = await trader.deliver()
    assert (result.outcome, result.found) == ("delivered", "unknown")
    assert "permission denied" in result.message
    assert trader.state.words == result.message


async def test_looking_alone_delivers_nothing(trader):
    trader.file.unlink()
    state = await trader.look(deliver=False)
    assert (state.outcome, state.found, state.is_lost) == ("delivered", "gone", True)
    assert trader.outbox.outstanding() == []
    assert not trader.file.exists()


async def test_what_somebody_puts_there_meanwhile_is_not_overwritten(trader):
    """Between the look that found it gone and the delivery."""
    trader.file.unlink()
    assert (await trader.look()).outcome is None
    trader.file.write_text("by hand")
    await trader.app.dispatcher.drain(["tokens"], seconds=0)
    assert trader.file.read_text() == "by hand"
    assert (trader.state.outcome, trader.state.found) == ("delivered", "replaced")
    assert trader.counted() == {"delivered": 1}


async def test_a_redelivery_that_fails_is_kept_and_tried_again(trader):
    shutil.rmtree(trader.file.parent)
    trader.file.parent.write_text("a file")
    (result,) = await trader.deliver()
    assert result.outcome == "failed"
    assert "gone" in result.message
    assert trader.state.is_lost
    trader.file.parent.unlink()
    assert (await trader.deliver())[0].outcome == "delivered"


async def test_what_somebody_puts_there_between_two_tries_is_not_overwritten(trader):
    shutil.rmtree(trader.file.parent)
    trader.file.parent.write_text("a file")
    await trader.deliver()
    trader.file.parent.unlink()
    trader.file.parent.mkdir()
    trader.file.write_text("by hand")
    assert (await trader.deliver())[0].outcome == "replaced_by_other"
    assert trader.file.read_text() == "by hand"


async def test_several_processes_write_it_once(trader):
    trader.file.unlink()
    apps = [App.open(trader.app.settings, trader.clock) for _ in range(4)]
    await asyncio.gather(*(app.deliver(1) for app in apps))
    assert trader.file.exists()
    assert trader.counted() == {"delivered": 1, "redelivered": 1}
    for app in apps:
        app.store.close()


async def test_the_store_holds_no_hash_of_a_short_token(trader):
    (receipt,) = trader.app.store._database.fetch_one("SELECT receipt FROM deliveries")
    assert set(json.loads(receipt)["parts"]) == {"content"}
    seen = json.dumps(json.loads(receipt))
    sink = await trader.app.dispatcher.sink("tokens")
    now = await sink.look(Message.issued("mine", "zerodha", a_token()))
    assert now.parts["content"][0] not in seen
    assert str(trader.file) not in seen


async def test_a_delivery_of_an_older_autologin_has_no_receipt(trader):
    trader.app.store._database.execute("UPDATE deliveries SET receipt = NULL")
    assert (await trader.deliver())[0].found == "unknown"
    trader.file.unlink()
    assert (await trader.deliver())[0].outcome == "delivered"
    assert trader.file.exists()


# Clocks that were ahead


async def test_a_token_that_a_clock_ahead_took_for_expired_is_delivered(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    clock.move(days=2)
    await trader.app.dispatcher.drain(["tokens"], seconds=0)
    assert trader.state.outcome == "expired"
    clock.wall = MORNING + timedelta(minutes=1)
    assert (await trader.deliver())[0].outcome == "delivered"
    assert trader.file.exists()
    trader.app.store.close()


async def test_a_message_that_will_never_arrive_is_not_called_delivered(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    clock.move(hours=21)
    (result,) = await trader.deliver()
    assert result.outcome == "expired"
    trader.app.store.close()


async def test_a_due_time_of_a_clock_ahead_is_not_waited_for(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    clock.move(hours=5)
    (claim,) = trader.outbox.claim("tokens", 1)
    trader.outbox.mark_failed(claim, "no", 60)
    clock.wall = MORNING
    assert outbox.LONGEST_PAUSE == retry.LONGEST_PAUSE
    assert trader.outbox.next_due("tokens") <= clock.now()
    await trader.app.dispatcher.drain(["tokens"], seconds=0)
    assert trader.file.exists()
    trader.app.store.close()


async def test_a_claim_of_a_clock_ahead_is_not_waited_for(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    clock.move(minutes=10)
    trader.outbox.claim("tokens", 1)
    clock.wall = MORNING
    await trader.app.dispatcher.drain(["tokens"], seconds=0)
    assert trader.file.exists()
    trader.app.store.close()


async def test_an_older_token_that_is_on_its_way_is_not_overtaken(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    (claim,) = trader.outbox.claim("tokens", 1)
    trader.issue(a_token("newer", MORNING + timedelta(seconds=1)))
    assert trader.outbox.claim("tokens", 9) == []  # it would be there before the older one
    trader.outbox.mark_failed(claim, "no", 60)
    await trader.app.dispatcher.drain(["tokens"], seconds=0)
    assert "newer" in trader.file.read_text()
    assert trader.counted() == {"replaced": 1, "delivered": 1}
    trader.app.store.close()


# SSM


@pytest.fixture
async def cloud(tmp_path, clock, credentials):
    with moto() as url:
        sink = {"type": "ssm", "prefix": "/t/{account}", "region": REGION, "endpoint_url": url}
        one = Trader(tmp_path, clock, {"aws": sink})
        one.client = boto3.client("ssm", region_name=REGION, endpoint_url=url)
        one.issue()
        await one.deliver()
        yield one
        one.app.store.close()


def version(cloud, name):
    return cloud.client.get_parameter(Name=f"/t/mine/{name}")["Parameter"]["Version"]


async def test_parameters_that_are_there_are_left_alone(cloud):
    # Not 1: a client that waits too long for an answer writes once more.
    before = [version(cloud, name) for name in ("access_token", "metadata")]
    for _ in range(2):
        (result,) = await cloud.deliver()
        assert (result.outcome, result.found) == ("delivered", "present")
    assert [version(cloud, name) for name in ("access_token", "metadata")] == before


@pytest.mark.parametrize("names", [["access_token", "client_id", "metadata"], ["metadata"]])
async def test_parameters_that_are_gone_are_put_again(cloud, names):
    cloud.client.delete_parameters(Names=[f"/t/mine/{name}" for name in names])
    (result,) = await cloud.deliver()
    assert (result.outcome, result.found) == ("delivered", "present")
    about = json.loads(cloud.client.get_parameter(Name="/t/mine/metadata")["Parameter"]["Value"])
    assert about["access_token_version"] == version(cloud, "access_token")


@pytest.mark.parametrize("name", ["access_token", "metadata", "client_id"])
async def test_a_newer_version_is_never_overwritten_silently(cloud, name):
    put = {"Name": f"/t/mine/{name}", "Value": "others", "Overwrite": True, "Type": "SecureString"}
    cloud.client.put_parameter(**put)
    (result,) = await cloud.deliver()
    assert (result.outcome, result.found) == ("replaced_by_other", "replaced")
    assert f"{name} has version 2" in result.message
    assert version(cloud, name) == 2
    (result,) = await cloud.deliver(force=True)
    assert result.outcome == "delivered"
    assert version(cloud, name) == 3


async def test_a_newer_version_is_not_overwritten_where_another_part_is_gone(cloud):
    put = {"Name": "/t/mine/access_token", "Value": "x", "Overwrite": True, "Type": "SecureString"}
    cloud.client.put_parameter(**put)
    cloud.client.delete_parameter(Name="/t/mine/metadata")
    assert (await cloud.deliver())[0].outcome == "replaced_by_other"
    assert version(cloud, "access_token") == 2


@pytest.mark.parametrize("name", ["access_token", "metadata"])
async def test_a_parameter_that_was_made_anew_by_somebody_is_another_one(cloud, name):
    """Its versions begin at 1 again."""
    cloud.client.delete_parameter(Name=f"/t/mine/{name}")
    cloud.client.put_parameter(Name=f"/t/mine/{name}", Value="others", Type="SecureString")
    assert version(cloud, name) == 1
    assert (await cloud.deliver())[0].outcome == "replaced_by_other"
    assert version(cloud, name) == 1


async def test_a_redelivery_that_was_cut_off_is_finished(cloud):
    """Half of it is there, and it is ours."""
    cloud.client.delete_parameters(Names=["/t/mine/access_token", "/t/mine/metadata"])
    await cloud.look()
    (claim,) = cloud.outbox.claim("aws", 1)
    put = {"Name": "/t/mine/access_token", "Value": SECRET, "Type": "SecureString"}
    cloud.client.put_parameter(**put)
    cloud.outbox.put_back(claim)
    (result,) = await cloud.deliver()
    assert (result.outcome, result.found) == ("delivered", "present")
    assert version(cloud, "metadata") == 1


async def test_who_may_not_read_does_not_know(cloud):
    with scripted(refusal("AccessDeniedException")) as server:
        cloud.configure(
            {
                "aws": {
                    "type": "ssm",
                    "prefix": "/t/{account}",
                    "region": REGION,
                    "endpoint_url": server.url,
                }
            }
        )
        (result,) = await cloud.deliver()
    assert (result.outcome, result.found) == ("delivered", "unknown")
    assert "ssm:GetParameter on arn:aws:ssm" in result.message


@pytest.mark.parametrize("answer", [{}, {"Parameter": {}}])
async def test_an_answer_that_tells_nothing_is_no_reason_to_write(cloud, answer):
    with scripted((200, answer)) as server:
        sink = {
            "type": "ssm",
            "prefix": "/t/{account}",
            "region": REGION,
            "endpoint_url": server.url,
        }
        cloud.configure({"aws": sink})
        (result,) = await cloud.deliver()
    assert (result.outcome, result.found) == ("delivered", "unknown")
    assert [name for name, _ in server.calls] == ["GetParameter"]


# A webhook


async def test_a_webhook_cannot_be_asked(tmp_path, clock):
    raw = {
        "type": "webhook",
        "url": "http://127.0.0.1:9/",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    trader = Trader(tmp_path, clock, {"hook": raw})
    trader.issue()
    (claim,) = trader.outbox.claim("hook", 1)
    trader.outbox.mark_delivered(claim)
    (result,) = await trader.deliver()
    assert (result.outcome, result.found) == ("delivered", None)
    trader.app.store.close()


# What the config says now


async def test_something_else_at_the_new_place_is_not_overwritten(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    await trader.deliver()
    (tmp_path / "mine.json").write_text("precious")
    trader.configure({"tokens": {"type": "file", "path": "mine.json"}})
    assert (await trader.deliver())[0].outcome == "replaced_by_other"
    assert (tmp_path / "mine.json").read_text() == "precious"
    trader.app.store.close()


async def test_a_place_that_changed_is_not_one_from_which_it_was_taken(tmp_path, clock):
    sink = {"type": "file", "path": "tokens/{account}.json", "redeliver": False}
    trader = Trader(tmp_path, clock, {"tokens": sink})
    trader.issue()
    await trader.deliver()
    for number in range(5):
        trader.configure({"tokens": {**sink, "path": f"{number}.json"}})
        assert (await trader.deliver())[0].outcome == "delivered"
        assert (tmp_path / f"{number}.json").exists()
    trader.app.store.close()


async def test_force_is_for_one_try(trader):
    trader.file.unlink()
    trader.file.mkdir()
    assert (await trader.deliver(force=True))[0].outcome == "failed"
    trader.file.rmdir()
    trader.file.write_text("somebody else's")
    assert (await trader.deliver())[0].outcome == "replaced_by_other"
    assert trader.file.read_text() == "somebody else's"


async def test_what_cannot_be_asked_has_not_come_back(trader, monkeypatch):
    trader.file.write_text("by hand")
    assert (await trader.deliver())[0].outcome == "replaced_by_other"

    async def refuse(*_):
        raise DeliveryFailed("permission denied")

    with monkeypatch.context() as unreadable:
        unreadable.setattr("autologin.delivery.sinks.file.FileSink.look", refuse)
        assert (await trader.deliver())[0].outcome == "replaced_by_other"
        trader.file.unlink()
    assert (await trader.deliver())[0].outcome == "delivered"


async def test_nothing_goes_to_a_sink_that_left_the_account(tmp_path, clock):
    trader = Trader(tmp_path, clock)
    trader.issue()
    trader.app.dispatcher.recipients = {"tokens": []}
    await trader.app.dispatcher.drain(["tokens"], seconds=0)
    assert trader.app.dispatcher.next_due("tokens") is None
    assert not trader.file.exists()
    trader.app.store.close()
