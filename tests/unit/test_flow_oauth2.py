"""The flow `oauth2` without a twin: addresses, the token call, replies, and the form of its options."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from support.cli import User
from support.clock import MORNING

from autologin.cli.commands import flows as catalogue
from autologin.clock import IST
from autologin.config import accounts
from autologin.errors import AutologinError, CredentialsRejected, OtpRejected
from autologin.flow import registry
from autologin.flow.base import AuthCode, Verdict
from autologin.flow.phrases import classify
from autologin.flow.script import LoginScript, Step
from autologin.token import Token

KIND = registry.load("oauth2")
MINE = {
    "client_id": "my client",
    "client_secret": "s:cret/+ =",
    "redirect_uri": "https://app.test/back?own=1",
    "user_id": "me",
    "password": "pw",
}
URLS = {
    "authorize": "https://as.test/o/authorize/",
    "token": "https://as.test/o/token/",
    "profile": "https://as.test/me/",
}
RESET = datetime(2026, 11, 25, 6, tzinfo=IST)


def flow(options=None, **change):
    mine = {key: value for key, value in {**MINE, **change}.items() if value is not None}
    return KIND(KIND.credentials_class(**mine), URLS, KIND.options_class(**(options or {})))


async def asked(call, answer):
    """What a call of the flow's gives or raises, and the request that it made."""
    seen = []

    def handle(request):
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        try:
            return await call(http), seen[0] if seen else None
        except AutologinError as error:
            return error, seen[0] if seen else None


def exchange(of, answer, verifier=None):
    return asked(lambda http: of.exchange(AuthCode("the code", verifier), http, MORNING), answer)


GOOD = httpx.Response(
    200,
    json={"access_token": "at", "expires_in": 3600, "refresh_token": "rt", "token_type": "Bearer"},
)


def test_the_authorize_address():
    url = flow({"scope": "a b", "authorize_params": {"access_type": "offline"}}).login_url("n1").url
    assert url.startswith("https://as.test/o/authorize/?client_id=my+client&")
    query = {
        "client_id": "my client",
        "redirect_uri": MINE["redirect_uri"],
        "response_type": "code",
        "scope": "a b",
    }
    assert dict(parse_qsl(urlsplit(url).query)) == {
        **query,
        "state": "n1",
        "access_type": "offline",
    }


def test_a_state_by_another_name_or_none():
    assert "&context=n1" in flow({"state_param": "context"}).login_url("n1").url
    assert "state" not in flow({"state_param": ""}).login_url("").url


def challenge_of(request):
    return parse_qs(urlsplit(request.url).query)["code_challenge"][0]


def s256(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@pytest.mark.parametrize("secret", ["s", None])
async def test_the_challenge_fits_the_verifier_in_any_process(secret):
    asked_by, finished_by = (flow({"pkce": True}, client_secret=secret) for _ in range(2))
    login = asked_by.login_url("n1")
    _, request = await exchange(finished_by, GOOD, verifier=login.verifier)
    verifier = parse_qs(request.content.decode())["code_verifier"][0]
    assert 43 <= len(verifier) <= 128
    assert s256(verifier) == challenge_of(login)


def test_each_login_has_a_challenge_of_its_own():
    for one in (flow({"pkce": True}), flow({"pkce": True}, client_secret=None)):
        assert challenge_of(one.login_url("n1")) != challenge_of(one.login_url("n1"))
    assert flow().login_url("n1").verifier is None


@pytest.mark.parametrize("secret", ["s", None])
async def test_a_challenge_whose_verifier_is_lost_cannot_be_answered(secret):
    error, request = await exchange(flow({"pkce": True}, client_secret=secret), GOOD)
    assert (error.name, request) == ("exchange_rejected", None)
    assert "PKCE" in error.detail
    assert "autologin login-url" in error.hint


async def test_the_client_in_the_body():
    _, request = await exchange(flow(), GOOD)
    assert (request.method, str(request.url)) == ("POST", URLS["token"])
    assert "authorization" not in request.headers
    assert parse_qsl(request.content.decode()) == [
        ("grant_type", "authorization_code"),
        ("code", "the code"),
        ("client_id", "my client"),
        ("client_secret", "s:cret/+ ="),
        ("redirect_uri", MINE["redirect_uri"]),
    ]


async def test_the_client_by_basic():
    _, request = await exchange(flow({"client_auth": "basic"}), GOOD)
    pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "my+client:s%3Acret%2F%2B+%3D"
    assert [name for name, _ in parse_qsl(request.content.decode())] == [
        "grant_type",
        "code",
        "redirect_uri",
    ]


@pytest.mark.parametrize("auth", ["body", "basic"])
async def test_a_public_client_only_names_itself(auth):
    _, request = await exchange(flow({"client_auth": auth}, client_secret=None), GOOD)
    assert [name for name, _ in parse_qsl(request.content.decode())] == [
        "grant_type",
        "code",
        "client_id",
        "redirect_uri",
    ]
    assert "authorization" not in request.headers


def jwt(**claims):
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


AN_HOUR = timedelta(hours=1)
WITH_EXP = jwt(exp=int((MORNING + 2 * AN_HOUR).timestamp()))


@pytest.mark.parametrize(
    ("rule", "reply", "ends"),
    [
        ("reply", {"access_token": "at", "expires_in": 3600}, MORNING + AN_HOUR),
        ("reply", {"access_token": "at", "expires_in": "3600"}, MORNING + AN_HOUR),
        ("reply", {"access_token": WITH_EXP}, MORNING + 2 * AN_HOUR),
        ("reply", {"access_token": "at"}, RESET),
        ("reply", {"access_token": "at", "expires_in": 0}, RESET),
        ("reply", {"access_token": "at", "expires_in": "soon"}, RESET),
        ("reply", {"access_token": "at", "expires_in": [1]}, RESET),
        ("jwt", {"access_token": WITH_EXP, "expires_in": 3600}, MORNING + 2 * AN_HOUR),
        ("jwt", {"access_token": "at", "expires_in": 3600}, MORNING + AN_HOUR),
        (
            "03:30",
            {"access_token": "at", "expires_in": 3600},
            datetime(2026, 11, 25, 3, 30, tzinfo=IST),
        ),
        ("7200", {"access_token": "at", "expires_in": 3600}, MORNING + 2 * AN_HOUR),
    ],
)
async def test_when_a_token_ends(rule, reply, ends):
    token, _ = await exchange(flow({"expires": rule}), httpx.Response(200, json=reply))
    assert token.expires_at == ends


@pytest.mark.parametrize(
    ("answer", "name", "hint"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "exchange_rejected", "redirect_uri"),
        (
            httpx.Response(401, json={"error": "invalid_client"}),
            "exchange_rejected",
            "client_secret",
        ),
        (
            httpx.Response(400, json={"error": "invalid_client", "message": "no"}),
            "exchange_rejected",
            "client_secret",
        ),
        (httpx.Response(401, text="<html>"), "broker_unavailable", ""),
        (httpx.Response(400, json={"error": "unsupported_grant_type"}), "exchange_rejected", ""),
        (httpx.Response(200, json={"error": {"code": 7}}), "broker_unavailable", ""),
        (httpx.Response(200, json={"access_token": ""}), "broker_unavailable", ""),
        (httpx.Response(302, headers={"location": "/login"}), "broker_unavailable", ""),
        (httpx.Response(503, headers={"retry-after": "2"}), "broker_unavailable", ""),
        (httpx.ReadTimeout(""), "broker_unavailable", ""),
    ],
)
async def test_what_a_refused_exchange_means(answer, name, hint):
    error, _ = await exchange(flow(), answer)
    assert error.name == name
    assert hint in error.hint


def token(**extra):
    return Token(SecretStr("old"), MORNING, RESET, "me", extra)


@pytest.mark.parametrize(
    ("answer", "refresh_token"),
    [
        (httpx.Response(200, json={"access_token": "new"}), "rt"),
        (httpx.Response(200, json={"access_token": "new", "refresh_token": "rt2"}), "rt2"),
        (httpx.Response(400, json={"error": "invalid_grant"}), None),
        (httpx.Response(500), None),
        (httpx.ConnectError(""), None),
    ],
)
async def test_a_refresh_gives_a_token_or_nothing(answer, refresh_token):
    found, request = await asked(
        lambda http: flow().refresh(token(refresh_token="rt"), http, MORNING), answer
    )
    assert (found and found.extra["refresh_token"]) == refresh_token
    sent = parse_qsl(request.content.decode())
    assert sent[:2] == [("grant_type", "refresh_token"), ("refresh_token", "rt")]


async def test_without_a_refresh_token_nothing_is_asked():
    assert await asked(lambda http: flow().refresh(token(), http, MORNING), GOOD) == (None, None)


@pytest.mark.parametrize(
    ("answer", "path", "verdict", "user_id"),
    [
        (httpx.Response(200, json={"sub": "me"}), "", Verdict.VALID, None),
        (httpx.Response(200, json={"sub": "me"}), "sub", Verdict.VALID, "me"),
        (httpx.Response(200, json={"data": {"id": 7}}), "data.id", Verdict.VALID, "7"),
        (httpx.Response(200, json={"data": {"id": 7}}), "data.no.where", Verdict.VALID, None),
        (httpx.Response(200, text="<html>"), "", Verdict.UNKNOWN, None),
        (httpx.Response(302), "", Verdict.UNKNOWN, None),
        (httpx.Response(403, json={"error": "insufficient_scope"}), "", Verdict.UNKNOWN, None),
        (httpx.Response(401), "", Verdict.UNKNOWN, None),
        (httpx.Response(401, text="<html>401"), "", Verdict.UNKNOWN, None),
        (
            httpx.Response(401, headers={"www-authenticate": 'Bearer error="invalid_token"'}),
            "",
            Verdict.REJECTED,
            None,
        ),
        (httpx.Response(400, json={"error": "invalid_token"}), "", Verdict.REJECTED, None),
        (httpx.Response(503), "", Verdict.UNKNOWN, None),
        (httpx.ConnectError(""), "", Verdict.UNKNOWN, None),
    ],
)
async def test_three_answers_to_verify(answer, path, verdict, user_id):
    found, request = await asked(
        lambda http: flow({"user_id_path": path}).verify(token(), http), answer
    )
    assert (found.verdict, found.user_id) == (verdict, user_id)
    assert (str(request.url), request.headers["authorization"]) == (URLS["profile"], "Bearer old")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "25:00"}, "expires"),
        ({"press": "("}, "press"),
        ({"client_auth": "jwt"}, "client_auth"),
        ({"code_param": ""}, "code_param"),
        ({"code_digits": 3}, "code_digits"),
        ({"pck": True}, "pck"),
    ],
)
def test_options_of_the_wrong_form_are_refused(options, key):
    with pytest.raises(ValidationError) as caught:
        KIND.options_class(**options)
    assert [error["loc"] for error in caught.value.errors()] == [(key,)]


CONFIG = """
accounts:
  mine:
    broker: oauth2
    credentials: {{client_id: c, redirect_uri: "https://app.test/", user_id: u, password: p}}
    endpoints: {endpoints}
    options: {options}
"""


@pytest.mark.parametrize(
    ("endpoints", "options", "keys"),
    [
        ("{}", "{}", ["accounts.mine.endpoints.authorize", "accounts.mine.endpoints.token"]),
        (
            '{authorize: "https://a.test/", token: "https://a.test/t"}',
            "{expires: soon}",
            ["accounts.mine.options.expires"],
        ),
        (
            '{authorize: "https://a.test/", token: "https://a.test/t"}',
            "{expires: 06:00, scope: a}",
            [],
        ),
    ],
)
async def test_a_config_that_leaves_something_out_is_told_so(tmp_path, endpoints, options, keys):
    file = tmp_path / "config.yaml"
    file.touch(mode=0o600)
    file.write_text(CONFIG.format(endpoints=endpoints, options=options))
    done = await User(tmp_path).says("login-url", "mine")
    assert [key for key in keys if key not in done.err] == []
    assert done.code == (2 if keys else 0)


def test_what_is_secret_of_what_may_be_left_out():
    secret = {key for key in KIND.credentials_class.model_fields if accounts.is_secret(KIND, key)}
    assert secret == {"client_secret", "password", "totp_secret"}


def test_the_config_block_has_the_addresses_to_fill_in():
    assert "    endpoints:\n      # nobody else knows them" in catalogue.config_block("oauth2")
    assert "endpoints" not in catalogue.config_block("icici_oauth")


@pytest.mark.parametrize(
    ("words", "step", "name"),
    [
        ("Invalid username or password.", "password", "credentials_rejected"),
        ("Invalid client code or password", "password", "credentials_rejected"),
        ("Incorrect user id", "password", "credentials_rejected"),
        ("Bad credentials", "password", "credentials_rejected"),
        ("Your login attempt was not successful", "password", "credentials_rejected"),
        ("User does not exist", "password", "credentials_rejected"),
        ("Invalid OTP", "code", "otp_rejected"),
        ("Invalid one-time password", "code", "otp_rejected"),
        ("The code you entered is incorrect", "code", "otp_rejected"),
        ("Wrong authenticator code", "code", "otp_rejected"),
        ("Incorrect OTP", "password", "otp_rejected"),
        ("Your account has been locked after 5 invalid attempts", "password", "account_locked"),
        ("Authorization was denied by the resource owner", None, "consent_required"),
        (
            "redirect_uri did not match any of the client's registered redirect_uris",
            None,
            "credentials_rejected",
        ),
        ("Error: redirect_uri_mismatch", None, "credentials_rejected"),
        ("error: invalid_client", None, "credentials_rejected"),
        ("Client not found", None, "credentials_rejected"),
        ("Access denied", None, "page_changed"),
        ("Sign in to your account", "password", None),
        ("We don't recognise that user or password.", "password", "credentials_rejected"),
        ("Forgot password?", "password", None),
        ("Enter the 6-digit code from your authenticator app", "password", None),
        ("Sandbox app wants to use your account", "code", None),
    ],
)
def test_what_words_on_a_page_mean(words, step, name):
    steps = {"password": Step("credentials", {}, press="", refused=CredentialsRejected)}
    steps["code"] = Step("code", {}, press="", refused=OtpRejected)
    error = classify(
        words,
        LoginScript((), phrases=KIND.options_class().phrases(makes_otps=True)),
        steps.get(step),
    )
    assert (error and error.name) == name


def test_to_ask_for_a_code_is_a_refusal_without_a_seed():
    script = LoginScript((), phrases=KIND.options_class().phrases(makes_otps=False))
    for words in (
        "Enter the 6-digit code from your authenticator app",
        "One-time code",
        "Verification code:",
        "TOTP",
    ):
        assert classify(words, script, None).name == "otp_not_available"
    assert classify("Set up a one-time code for the next login", script, None) is None


def test_icicis_addresses_are_the_notes():
    kind = registry.load("icici_oauth")
    made = kind(kind.credentials_class(**MINE), {}, kind.options_class())
    assert made.urls == {
        "authorize": "https://api.icicidirect.com/oauth/authorize",
        "token": "https://api.icicidirect.com/oauth/token",
    }
    assert kind.verified is False
    assert "scope=trading" in made.login_url("n").url
    with pytest.raises(ValidationError):
        kind.credentials_class(
            **{key: value for key, value in MINE.items() if key != "client_secret"}
        )
