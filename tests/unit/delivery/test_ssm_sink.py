"""The SSM sink: real boto3 against a server that speaks the protocol. What the server stores is asserted, not believed."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from pydantic import SecretStr, ValidationError
from support.aws import REGION, credentials, moto, refusal, scripted
from support.clock import MORNING
from support.leaks import leaks

from autologin.config import loader
from autologin.delivery.dispatcher import Dispatcher
from autologin.delivery.sinks.base import parse
from autologin.errors import DeliveryFailed
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.store.store import Store
from autologin.token import Token

EXPIRES = MORNING + timedelta(hours=20)
EXTRA = {"client_id": "APP-100", "refresh_token": "refresh-canary"}
PREFIX = "/stock-pipeline/fyers"
PUT = (200, {"Version": 7, "Tier": "Standard"})
pytestmark = pytest.mark.usefixtures("credentials")
assert credentials
ME = "arn:aws:iam::123456789012:role/trader"


def issued(value="access-token-canary", extra=EXTRA):
    return Message.issued(
        "mine", "fyers", Token(SecretStr(value), MORNING, EXPIRES, "XA00001", extra)
    )


@pytest.fixture
def server():
    with moto() as url:
        yield url


def sink(url, accounts=None, **keys):
    raw = {
        "type": "ssm",
        "prefix": "/stock-pipeline/{broker}",
        "region": REGION,
        "endpoint_url": url,
        **keys,
    }
    return (
        parse(raw).with_accounts(accounts or {"mine": "fyers"}).build("aws", RefContext(Path(), {}))
    )


async def failed(work):
    with pytest.raises(DeliveryFailed) as raised:
        await work
    return raised.value


def stored(url):
    client = boto3.client("ssm", region_name=REGION, endpoint_url=url)
    return {one["Name"]: one for one in client.describe_parameters()["Parameters"]}


def value(url, name, *, decrypted=True):
    client = boto3.client("ssm", region_name=REGION, endpoint_url=url)
    return client.get_parameter(Name=name, WithDecryption=decrypted)["Parameter"]


# What is written


async def test_the_layout(server):
    await sink(server).deliver(issued())
    kinds = {
        name: (one["Type"], one.get("KeyId"), one["Tier"]) for name, one in stored(server).items()
    }
    sealed = ("SecureString", "alias/aws/ssm", "Standard")
    assert kinds == {
        f"{PREFIX}/access_token": sealed,
        f"{PREFIX}/refresh_token": sealed,
        f"{PREFIX}/client_id": sealed,
        f"{PREFIX}/metadata": ("String", None, "Standard"),
    }
    assert value(server, f"{PREFIX}/access_token")["Value"] == "access-token-canary"
    assert (
        value(server, f"{PREFIX}/access_token", decrypted=False)["Value"] != "access-token-canary"
    )
    assert value(server, f"{PREFIX}/refresh_token")["Value"] == "refresh-canary"
    assert value(server, f"{PREFIX}/client_id")["Value"] == "APP-100"


async def test_metadata_names_the_version_of_the_token_it_belongs_to(server):
    for text in ("one", "two", "three"):
        await sink(server).deliver(issued(text))
    about = json.loads(value(server, f"{PREFIX}/metadata")["Value"])
    assert about["access_token_version"] == value(server, f"{PREFIX}/access_token")["Version"] == 3
    assert (about["user_id"], about["issued_at"]) == ("XA00001", MORNING.isoformat())
    assert about["expires_at"] == EXPIRES.isoformat()


async def test_metadata_holds_no_secret_and_comes_last():
    with scripted(PUT) as server:
        await sink(server.url).deliver(issued())
    names = [sent["Name"].rpartition("/")[2] for _, sent in server.calls]
    assert names == ["access_token", "refresh_token", "client_id", "metadata"]
    assert (
        leaks(["access-token-canary", "refresh-canary", "APP-100"], [server.calls[-1][1]["Value"]])
        == []
    )
    assert all(sent["Overwrite"] for _, sent in server.calls)


async def test_what_a_token_does_not_have_is_not_written(server):
    await sink(server).deliver(issued(extra={}))
    assert sorted(stored(server)) == [f"{PREFIX}/access_token", f"{PREFIX}/metadata"]


async def test_the_apps_key_under_another_sdks_name(server):
    await sink(server).deliver(issued(extra={"api_key": "kite-key"}))
    assert value(server, f"{PREFIX}/client_id")["Value"] == "kite-key"


async def test_a_key_of_ones_own(server):
    await sink(server, kms_key_id="alias/trading").deliver(issued())
    keys = {name.rpartition("/")[2]: one.get("KeyId") for name, one in stored(server).items()}
    own = "alias/trading"
    assert keys == {"access_token": own, "refresh_token": own, "client_id": own, "metadata": None}


@pytest.mark.parametrize(
    ("size", "tier"), [(4096, "Standard"), (4097, "Advanced"), (8192, "Advanced")]
)
async def test_the_tier_follows_the_size(server, size, tier):
    await sink(server).deliver(issued("x" * size, {}))
    assert stored(server)[f"{PREFIX}/access_token"]["Tier"] == tier


async def test_the_size_is_that_in_bytes(server):
    await sink(server).deliver(issued("₹" * 1366, {}))
    assert stored(server)[f"{PREFIX}/access_token"]["Tier"] == "Advanced"


async def test_more_than_a_parameter_holds(server):
    error = await failed(sink(server).deliver(issued("x" * 8193, {})))
    assert "8193 bytes" in error.detail
    assert stored(server) == {}


async def test_a_parameter_that_was_advanced_once_stays_so():
    words = "This parameter uses the advanced-parameter tier. You can't downgrade a parameter to the standard-parameter tier."
    with scripted(refusal("ValidationException", words), PUT) as server:
        await sink(server.url).deliver(issued(extra={}))
    assert [sent["Tier"] for _, sent in server.calls[:2]] == ["Standard", "Advanced"]


async def test_each_account_has_its_own_place(server):
    aws = sink(server, prefix="/t/{broker}/{account}/")
    token = Token(SecretStr("x"), MORNING, EXPIRES, "U", {})
    await asyncio.gather(
        *(aws.deliver(Message.issued(name, "upstox", token)) for name in ("a", "b"))
    )
    assert sorted(stored(server)) == [
        f"/t/upstox/{name}/{leaf}" for name in "ab" for leaf in ("access_token", "metadata")
    ]


# The check


async def test_the_check_leaves_nothing_behind(server):
    await sink(server).check()
    assert stored(server) == {}


async def test_the_check_asks_for_every_accounts_prefix():
    with scripted(refusal("ParameterPatternMismatchException")) as server:
        await sink(server.url, {"one": "zerodha", "two": "upstox"}, prefix="/t/{account}").check()
    assert [sent["Name"] for _, sent in server.calls] == [
        "/t/one/autologin-check",
        "/t/two/autologin-check",
    ]
    assert all(
        sent["AllowedPattern"] == "^never$" and sent["Value"] == "x" for _, sent in server.calls
    )


async def test_the_check_tells_who_may_not_write():
    words = f"User: {ME} is not authorized to perform: ssm:PutParameter on resource: arn:aws:ssm:{REGION}:1:parameter/x because"
    with scripted(refusal("AccessDeniedException", words)) as server:
        error = await failed(sink(server.url).check())
    assert (
        error.hint == f"Allow this identity ssm:PutParameter on arn:aws:ssm:{REGION}:1:parameter/x."
    )


# What can go wrong


@pytest.mark.parametrize(
    ("answer", "detail", "hint"),
    [
        (
            refusal("AccessDeniedException"),
            "does not allow",
            f"ssm:PutParameter on arn:aws:ssm:{REGION}:*:parameter{PREFIX}/",
        ),
        (
            refusal(
                "AccessDeniedException",
                f"User: {ME} is not authorized to perform: kms:Encrypt on resource: arn:aws:kms:x:1:key/k",
            ),
            "kms:Encrypt",
            "Allow this identity kms:Encrypt on arn:aws:kms:x:1:key/k.",
        ),
        (refusal("ThrottlingException", "Rate exceeded"), "slow down", "tries again by itself"),
        (
            refusal("ExpiredTokenException", "The security token is expired"),
            "credentials",
            "AWS_ACCESS_KEY_ID",
        ),
        (refusal("InvalidKeyId", "The key is disabled"), "InvalidKeyId", "autologin deliver"),
        (refusal("InternalServerError", "oops", 500), "InternalServerError", "autologin deliver"),
    ],
)
async def test_refusals_say_how_to_mend_them(answer, detail, hint):
    with scripted(answer) as server:
        error = await failed(sink(server.url).deliver(issued()))
    assert detail in error.detail
    assert hint in error.hint
    assert leaks(["access-token-canary", "aws-secret-canary"], [error.message]) == []


async def test_a_refusal_that_quotes_the_token_shows_no_part_of_it():
    token = "canary" * 60
    words = f"1 validation error detected: Value '{token}' at 'value' failed to satisfy constraint"
    with scripted(refusal("ValidationException", words)) as server:
        error = await failed(sink(server.url).deliver(issued(token)))
    assert "canary" not in error.message
    assert "failed to satisfy constraint" in error.message


async def test_nobody_listens():
    with scripted(PUT) as server:
        url = server.url
    error = await failed(sink(url).deliver(issued()))
    assert "was not reached" in error.detail
    assert "endpoint_url" in error.hint


async def test_no_region(server):
    error = await failed(sink(server, region=None).deliver(issued()))
    assert error.detail == "no AWS region is known"
    assert "AWS_DEFAULT_REGION" in error.hint


async def test_the_region_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    await sink(server, region=None).deliver(issued())
    assert f"{PREFIX}/access_token" in stored(server)


async def test_no_credentials(server, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = await failed(sink(server).deliver(issued()))
    assert error.detail == "no AWS credentials were found"
    assert "role" in error.hint


async def test_without_boto3(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    error = await failed(sink(server).deliver(issued()))
    assert error.hint == "pip install 'broker-autologin[aws]'"


async def test_down_for_an_hour(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(
        "time.sleep", lambda _seconds: None
    )  # boto3's own pause between its two tries
    with scripted(refusal("ServiceUnavailable", status=503)) as server:
        raw = {
            "type": "ssm",
            "prefix": "/x/{account}",
            "region": REGION,
            "endpoint_url": server.url,
        }
        store = Store.open(tmp_path / "state", clock)
        post = Dispatcher({"aws": parse(raw)}, RefContext(tmp_path, {}), store, clock)
        store.outbox.enqueue(issued(), ["aws"])
        await post.drain(["aws"], seconds=3600)
        (owed,) = store.outbox.latest("mine")
        assert owed.outcome is None
        assert "ServiceUnavailable" in owed.error
        assert 20 <= owed.tries <= 60
        server.answers[:] = [PUT]
        await post.drain(["aws"], seconds=300)
        await post.close()
    assert [one.outcome for one in store.outbox.latest("mine")] == ["delivered"]
    assert server.calls[-1][1]["Name"] == "/x/mine/metadata"


# The config


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"prefix": "no/slash"}, "is not a parameter path"),
        ({"prefix": "/"}, "is not a parameter path"),
        ({"prefix": "/aws/x"}, "is not a parameter path"),
        ({"prefix": "/a b"}, "is not a parameter path"),
        ({"prefix": "/x/{acount}"}, "placeholder"),
        ({"prefix": "/x", "endpoint_url": "localhost"}, "is not a valid URL"),
        ({"prefix": "/x", "kms_key": "k"}, "kms_key"),
    ],
)
def test_bad_keys(keys, word):
    with pytest.raises(ValidationError) as raised:
        parse({"type": "ssm", **keys})
    assert word in str(raised.value)


def test_two_accounts_in_one_place(tmp_path):
    file = tmp_path / "config.yaml"
    account = (
        "{broker: groww, credentials: {api_key: k, totp_secret: JBSWY3DPEHPK3PXP}, sinks: [aws]}"
    )
    file.write_text(
        f"accounts:\n  a: {account}\n  b: {account}\nsinks:\n  aws: {{type: ssm, prefix: '/x/{{broker}}'}}\n"
    )
    problems = loader.read(file, {}).problems
    assert [problem.hint for problem in problems] == ["Put {account} into sinks.aws.prefix."]
