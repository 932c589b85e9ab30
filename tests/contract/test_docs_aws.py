"""What docs/deploy.md says of AWS is true: its consumer reads what the sink writes, its policy allows what the code does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from pydantic import SecretStr
from support.aws import REGION, credentials, moto
from support.clock import MORNING

from autologin.delivery.sinks.base import parse
from autologin.message import Message
from autologin.secret_refs import RefContext
from autologin.token import Token

assert credentials
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/deploy.md").read_text()


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return found


@pytest.fixture
def server(credentials, monkeypatch):
    with moto() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        yield url


@pytest.fixture
def session(server):
    names = {}
    exec(compile(block("python"), "docs/deploy.md", "exec"), names)
    return names["session"]


async def put(*values):
    sink = parse({"type": "ssm", "prefix": "/stock-pipeline/{broker}"}).build(
        "aws", RefContext(Path(), {})
    )
    for value in values:
        token = Token(SecretStr(value), MORNING, MORNING + timedelta(hours=20), "XA1", {})
        await sink.deliver(Message.issued("mine", "fyers", token))
    await sink.close()


async def test_the_consumer_reads_the_newest_token(session):
    await put("one", "two")
    token, about = session("/stock-pipeline/fyers")
    assert (token, about["user_id"]) == ("two", "XA1")


async def test_the_consumer_takes_no_token_that_the_metadata_is_not_for(session):
    await put("one")
    boto3.client("ssm").put_parameter(
        Name="/stock-pipeline/fyers/access_token",
        Value="half-way",
        Type="SecureString",
        Overwrite=True,
    )
    with pytest.raises(RuntimeError):
        session("/stock-pipeline/fyers")


def test_the_policy_allows_what_the_code_does():
    policy = json.loads(block("json"))
    allowed = {
        action
        for one in policy["Statement"]
        for action in [one["Action"]]
        if isinstance(action, str)
    }
    allowed |= {
        action
        for one in policy["Statement"]
        if isinstance(one["Action"], list)
        for action in one["Action"]
    }
    code = "".join(
        (ROOT / "autologin" / name).read_text()
        for name in ("aws.py", "secret_refs.py", "delivery/sinks/ssm.py")
    )
    done = set(re.findall(r'"((?:ssm|secretsmanager):\w+)"', code))
    assert done == {"ssm:PutParameter", "ssm:GetParameter", "secretsmanager:GetSecretValue"}
    assert done | {"kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"} == allowed
    assert all(one["Effect"] == "Allow" for one in policy["Statement"])
