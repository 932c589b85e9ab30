"""The flow `oauth2` at an authorization server that none of us wrote: oidc-provider, with its own pages, code and PKCE.

Its development pages accept any user and password, so what reached it is asserted too.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from support.leaks import leaks

from autologin import run as walk
from autologin.app import App
from autologin.clock import SystemClock
from autologin.config import loader

OIDC = Path(__file__).parents[1] / "oidc"
CLIENT, SECRET, USER, PASSWORD = (
    "autologin-tests",
    "s3cret of the client/+ =&%",
    "AB1234",
    'p@ss w0rd&+/"é%',
)


class Server:
    """The server, and what it answered."""

    def __init__(self, issuer):
        self.issuer = issuer

    async def answered(self):
        """Every request that it answered until now."""
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{self.issuer}/answered")).json()

    async def posted(self, path):
        return [
            line["body"]
            for line in await self.answered()
            if line["method"] == "POST" and line["path"].startswith(path)
        ]


@asynccontextmanager
async def app():
    """Something that listens at the redirect URI and counts who comes."""
    came = []

    async def count(_reader, writer):
        came.append(1)
        writer.close()

    listener = await asyncio.start_server(count, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/back", came


@asynccontextmanager
async def served(redirect_uri, **client):
    assert (OIDC / "node_modules").is_dir(), "run `make sdks`"
    metadata = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [redirect_uri],
        "response_types": ["code"],
    }
    metadata |= {"grant_types": ["authorization_code", "refresh_token"]} | client
    metadata = json.dumps({key: value for key, value in metadata.items() if value is not None})
    node, pipes = (
        shutil.which("node"),
        {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL},
    )
    assert node, "node is needed"
    process = await asyncio.create_subprocess_exec(node, "server.js", metadata, cwd=OIDC, **pipes)
    try:
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield Server(first["issuer"])
    finally:
        process.kill()
        await process.communicate()


def options(**change):
    """What a user would write for this server."""
    offline = {"scope": "openid offline_access", "authorize_params": {"prompt": "consent"}}
    return {
        **offline,
        "pkce": True,
        "client_auth": "basic",
        "user_id_path": "sub",
        "consent_at": "^/interaction/",
        **change,
    }


def settings(folder, server, redirect_uri, change=lambda account: None):
    mine = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": redirect_uri,
        "user_id": USER,
        "password": PASSWORD,
    }
    endpoints = {
        "authorize": f"{server.issuer}/auth",
        "token": f"{server.issuer}/token",
        "profile": f"{server.issuer}/me",
    }
    account = {
        "broker": "oauth2",
        "credentials": mine,
        "endpoints": endpoints,
        "options": options(),
        "sinks": ["tokens"],
    }
    change(account)
    sinks = {"tokens": {"type": "file", "path": "./token.json"}}
    file = folder / "config.yaml"
    file.touch(mode=0o600)
    file.write_text(
        yaml.safe_dump(
            {"state": {"path": "./state"}, "sinks": sinks, "accounts": {"mine": account}}
        )
    )
    return loader.load(file, {"HOME": str(folder)})


async def run(folder, server, redirect_uri, change=lambda account: None, **more):
    app = App.open(settings(folder, server, redirect_uri, change), SystemClock())
    try:
        (outcome,) = await walk.run_accounts(app, list(app.settings.accounts.values()), **more)
    finally:
        app.store.close()
    assert leaks([PASSWORD, SECRET], [folder / "state"]) == []
    return outcome


@pytest.mark.parametrize("auth", ["basic", "body"])
async def test_a_token_comes_from_a_real_server(tmp_path, auth):
    method = {"basic": "client_secret_basic", "body": "client_secret_post"}[auth]
    async with (
        app() as (redirect_uri, came),
        served(redirect_uri, token_endpoint_auth_method=method) as server,
    ):
        outcome = await run(
            tmp_path,
            server,
            redirect_uri,
            lambda account: account["options"].update(client_auth=auth),
        )
        assert (outcome.outcome, outcome.error) == ("issued", None)
        login, consent = await server.posted("/interaction/")
        assert (login["login"], login["password"], consent["prompt"]) == (USER, PASSWORD, "consent")
        (exchange,) = await server.posted("/token")
        assert exchange["grant_type"] == "authorization_code"
        assert len(exchange["code_verifier"]) >= 43
        assert [line["status"] for line in await server.answered() if line["path"] == "/me"] == [
            200
        ]
        assert came == []
    token = json.loads((tmp_path / "token.json").read_text())
    assert token["user_id"] == USER
    assert token["extra"]["refresh_token"]


async def test_the_stored_token_is_valid_and_a_refresh_needs_no_login(tmp_path):
    async with app() as (redirect_uri, _), served(redirect_uri) as server:
        refreshing = lambda account: account.update(refresh=True)  # noqa: E731
        await run(tmp_path, server, redirect_uri, refreshing)
        first = json.loads((tmp_path / "token.json").read_text())
        assert (await run(tmp_path, server, redirect_uri, refreshing)).outcome == "still_valid"
        assert (
            await run(tmp_path, server, redirect_uri, refreshing, force=True)
        ).outcome == "issued"
        second = json.loads((tmp_path / "token.json").read_text())
        assert second["access_token"] != first["access_token"]
        assert len(await server.posted("/interaction/")) == 2
        assert [body["grant_type"] for body in await server.posted("/token")] == [
            "authorization_code",
            "refresh_token",
        ]


async def test_a_public_client(tmp_path):
    async with (
        app() as (redirect_uri, _),
        served(redirect_uri, token_endpoint_auth_method="none", client_secret=None) as server,
    ):
        outcome = await run(
            tmp_path,
            server,
            redirect_uri,
            lambda account: account["credentials"].pop("client_secret"),
        )
        assert (outcome.outcome, outcome.error) == ("issued", None)


async def test_a_wrong_client_secret(tmp_path):
    async with app() as (redirect_uri, came), served(redirect_uri) as server:
        wrong = {"client_secret": "another secret of somebody"}
        outcome = await run(
            tmp_path,
            server,
            redirect_uri,
            lambda account: account["credentials"].update(wrong),
        )
        assert outcome.error.name == "exchange_rejected"
        assert "invalid_client" in outcome.error.detail
        assert "client_secret" in outcome.error.hint
        assert len(await server.posted("/token")) == 1
        assert came == []


async def test_a_person_who_cancels(tmp_path):
    """The page's own Cancel, pressed because the options say that it is the button."""
    async with app() as (redirect_uri, came), served(redirect_uri) as server:
        cancel = lambda account: account["options"].update(consent=r"^\[ cancel \]$", consent_at="")  # noqa: E731
        outcome = await run(tmp_path, server, redirect_uri, cancel)
        assert outcome.error.name == "consent_required"
        assert "aborted" in outcome.error.detail
        assert len(await server.posted("/interaction/")) == 1
        assert await server.posted("/token") == []
        assert came == []


async def test_authorize_false_presses_nothing(tmp_path):
    async with app() as (redirect_uri, _), served(redirect_uri) as server:
        outcome = await run(
            tmp_path, server, redirect_uri, lambda account: account.update(authorize=False)
        )
        assert outcome.error.name == "consent_required"
        assert len(await server.posted("/interaction/")) == 1


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"redirect_uri": "https://other.test/"}, "redirect_uri"),
    ],
)
async def test_a_client_that_the_server_does_not_know(tmp_path, change, detail):
    async with app() as (redirect_uri, _), served(redirect_uri) as server:
        outcome = await run(
            tmp_path, server, redirect_uri, lambda account: account["credentials"].update(change)
        )
        assert outcome.error.name == "credentials_rejected"
        assert detail in outcome.error.detail
        assert await server.posted("/") == []


async def test_without_pkce_this_server_says_so(tmp_path):
    async with app() as (redirect_uri, _), served(redirect_uri) as server:
        outcome = await run(
            tmp_path, server, redirect_uri, lambda account: account["options"].update(pkce=False)
        )
        assert outcome.error.name == "exchange_rejected"
        assert "PKCE" in outcome.error.detail
