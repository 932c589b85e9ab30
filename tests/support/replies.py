"""A server that answers as it is told, and how every broker says yes and no where a token is due."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress

from autologin.flow import registry
from autologin.sandbox.server import twin_classes

YES = {
    "aliceblue": lambda token: {"stat": "Ok", "userSession": token},
    "angelone": lambda token: {"status": True, "message": "SUCCESS", "data": {"jwtToken": token}},
    "dhan": lambda token: {"accessToken": token},
    "firstock": lambda token: {"status": "success", "data": {"susertoken": token}},
    "fivepaisa": lambda token: {
        "body": {"Status": 0, "RequestToken": token, "AccessToken": token},
        "head": {"Status": 0},
    },
    "flattrade": lambda token: {"status": "Ok", "token": token, "emsg": ""},
    "fyers": lambda token: {"s": "ok", "access_token": token, "refresh_token": "r"},
    "groww": lambda token: {"token": token},
    "icici_breeze": lambda token: {
        "Success": {"session_token": token},
        "Status": 200,
        "Error": None,
    },
    "icici_oauth": lambda token: {"access_token": token, "refresh_token": "r"},
    "iiflcapital": lambda token: {"status": "Ok", "userSession": token},
    "indstocks": lambda token: {"status": "success", "data": {"token": token}},
    "kotak": lambda token: {"data": {"status": "success", "token": token, "sid": "s"}},
    "motilal": lambda token: {"status": "SUCCESS", "AuthToken": token},
    "mstock": lambda token: {"status": True, "data": {"jwtToken": token}},
    "oauth2": lambda token: {"access_token": token, "refresh_token": "r"},
    "shoonya": lambda token: {"stat": "Ok", "access_token": token},
    "tradejini": lambda token: {"access_token": token},
    "tradesmart": lambda token: {"stat": "Ok", "access_token": token},
    "upstox": lambda token: {"access_token": token, "user_id": "U1"},
    "zebu": lambda token: {"stat": "Ok", "access_token": token},
    "zerodha": lambda token: {"status": "success", "data": {"access_token": token}},
}
"""What each broker answers with a token."""
NO = {
    "aliceblue": lambda words: {"stat": "Not_Ok", "emsg": words},
    "angelone": lambda words: {"status": False, "message": words, "errorcode": "", "data": None},
    "dhan": lambda words: {"status": "error", "message": words},
    "firstock": lambda words: {"status": "failed", "error": {"message": words}},
    "fivepaisa": lambda words: {"body": {"Status": 2, "Message": words}, "head": {"Status": 0}},
    "flattrade": lambda words: {"stat": "Not_Ok", "emsg": words},
    "fyers": lambda words: {"s": "error", "code": -99, "message": words},
    "groww": lambda words: {"status": "FAILURE", "error": {"code": "GA009", "message": words}},
    "icici_breeze": lambda words: {"Success": None, "Status": 400, "Error": words},
    "icici_oauth": lambda words: {"error": "invalid_grant", "error_description": words},
    "iiflcapital": lambda words: {"status": "Not_Ok", "message": words},
    "indstocks": lambda words: {"status": "error", "message": words},
    "kotak": lambda words: {"status": "error", "message": words, "errorCode": "422"},
    "motilal": lambda words: {"status": "ERROR", "message": words, "errorcode": "MO9"},
    "mstock": lambda words: {"status": "false", "message": words, "errorcode": "MA1", "data": None},
    "oauth2": lambda words: {"error": "invalid_grant", "error_description": words},
    "shoonya": lambda words: {"stat": "Not_Ok", "emsg": words},
    "tradejini": lambda words: {"s": "error", "msg": words},
    "tradesmart": lambda words: {"stat": "Not_Ok", "emsg": words},
    "upstox": lambda words: {"status": "error", "errors": [{"errorCode": "U", "message": words}]},
    "zebu": lambda words: {"stat": "Not_Ok", "emsg": words},
    "zerodha": lambda words: {"status": "error", "message": words, "error_type": "InputException"},
}
"""How each broker says no."""


def reply(status, kind, body, **headers):
    """An answer as it travels."""
    body = body if isinstance(body, bytes | str) else json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close"]
    lines += [f"content-type: {kind}"] if kind else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Server:
    """Gives `answers` in their order, the last one again and again."""

    def __init__(self):
        self.answers, self.requests, self.url = [], [], ""

    async def handle(self, reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lengths = [
                line for line in head.split("\r\n") if line.lower().startswith("content-length:")
            ]
            body = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
            self.requests.append((head.split("\r\n")[0], body))
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()
        writer.close()


@asynccontextmanager
async def answering(*answers):
    """A server on loopback that gives these."""
    server = Server()
    server.answers = list(answers)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield server


def flow_at(broker, url):
    """A broker's flow, whose every address is at this server."""
    twin = twin_classes()[broker]()
    twin.redirect_uri = "https://127.0.0.1:9/callback"
    twin.origins = dict.fromkeys(twin.roles, url)
    kind = registry.load(broker)
    known = kind.credentials_class.model_fields
    mine = {name: value for name, value in twin.credentials.items() if name in known}
    return kind(kind.credentials_class(**mine), twin.endpoints, kind.options_class(**twin.options))
