"""Secrets that AWS keeps: {ssm: ...} and {aws_secret: ...}, by real boto3 against a server that speaks the protocol."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from support.aws import REGION, credentials, moto, refusal, scripted
from support.leaks import leaks

from autologin.errors import ConfigError
from autologin.secret_refs import RefContext, parse, resolve

pytestmark = pytest.mark.usefixtures("credentials")
assert credentials
PLACE = RefContext(Path(), {})
CANARY = "password-canary"


@pytest.fixture
def server(monkeypatch):
    with moto() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        boto3.client("ssm").put_parameter(
            Name="/trading/password", Value=CANARY, Type="SecureString"
        )
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(
            Name="trading/zerodha", SecretString=json.dumps({"password": CANARY, "pin": 1234})
        )
        secrets.create_secret(Name="trading/plain", SecretString="just-text")
        secrets.create_secret(Name="trading/binary", SecretBinary=b"\x00")
        yield url


def value(reference):
    return resolve(
        "accounts.a.credentials.password", parse(reference), PLACE
    ).value.get_secret_value()


def problem(reference):
    with pytest.raises(ConfigError) as raised:
        value(reference)
    (found,) = raised.value.problems
    assert leaks([CANARY], [str(found)]) == []
    return found


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ({"ssm": "/trading/password"}, CANARY),
        ({"aws_secret": "trading/zerodha#password"}, CANARY),
        ({"aws_secret": "trading/plain"}, "just-text"),
    ],
)
def test_they_are_found(server, reference, text):
    assert value(reference) == text


@pytest.mark.parametrize(
    ("reference", "detail", "hint"),
    [
        ({"ssm": "/trading/pasword"}, "ParameterNotFound", "AWS_DEFAULT_REGION"),
        ({"aws_secret": "trading/nothing"}, "ResourceNotFoundException", "AWS_DEFAULT_REGION"),
        ({"aws_secret": "trading/zerodha#pasword"}, 'no field "pasword"', "password, pin"),
        ({"aws_secret": "trading/zerodha#pin"}, 'no field "pin" that is text', "password, pin"),
        ({"aws_secret": "trading/plain#password"}, 'no field "password"', "not a JSON object"),
        ({"aws_secret": "trading/binary"}, "is empty", "value"),
    ],
)
def test_what_is_not_there(server, reference, detail, hint):
    found = problem(reference)
    assert found.key == "accounts.a.credentials.password"
    assert detail in found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("reference", "action", "resource"),
    [
        (
            {"ssm": "/trading/password"},
            "ssm:GetParameter",
            f"arn:aws:ssm:{REGION}:*:parameter/trading/password",
        ),
        (
            {"aws_secret": "t/z#p"},
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{REGION}:*:secret:t/z-*",
        ),
    ],
)
def test_who_may_not_read_is_told_the_action_and_the_resource(
    monkeypatch, reference, action, resource
):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with scripted(refusal("AccessDeniedException")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        assert problem(reference).hint == f"Allow this identity {action} on {resource}."


def test_no_region():
    assert "AWS_DEFAULT_REGION" in problem({"ssm": "/x"}).hint


def test_the_text_of_a_secret_is_taken_as_it_is(server):
    boto3.client("ssm").put_parameter(
        Name="/trading/stray", Value=f"{CANARY}\n", Type="SecureString"
    )
    assert "stray newline" in problem({"ssm": "/trading/stray"}).message
