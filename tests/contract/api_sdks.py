"""Runs in the venv of an official SDK: signs in at a twin with it, or does what a page of docs/brokers says with our token.

Arguments: the broker, what to do (`login` or `docs`), and as JSON: the twin's origins, the credentials, the code, the token,
the page's lines.
Each SDK has its addresses built in; they are turned to the twin below the SDK, so the bytes are the SDK's own.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

broker, what, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
origins, mine, code = given["origins"], given["credentials"], given["code"]
os.chdir(tempfile.mkdtemp())  # two of them write files where they stand
HOSTS = {
    "https://apiconnect.angelone.in": origins.get("api"),
    "https://auth.dhan.co": origins.get("auth"),
    "https://api.dhan.co": origins.get("api"),
    "https://mis.kotaksecurities.com": origins.get("session"),
    "https://Openapi.5paisa.com": origins.get("api"),
    "https://api.mstock.trade": origins.get("api"),
    "https://api.firstock.in": origins.get("api"),
    "https://a3.aliceblueonline.com": origins.get("api"),
    "https://api.shoonya.com": origins.get("api"),
    "https://go.mynt.in": origins.get("api"),
}


def turned(url):
    """The address at the twin; one that is nobody's is refused."""
    url = str(url)
    for host, origin in HOSTS.items():
        if url.startswith(host):
            return origin + url.removeprefix(host)
    if url.startswith("http://127.0.0.1"):
        return url
    raise ConnectionError(url)


def turn_requests():
    import requests

    plain = requests.sessions.Session.request
    requests.sessions.Session.request = lambda self, method, url, **more: plain(self, method, turned(url), **more)


def turn_httpx():
    import httpx

    plain = httpx.Client.request
    httpx.Client.request = lambda self, method, url, **more: plain(self, method, turned(url), **more)


def angelone():
    from SmartApi import SmartConnect

    client = SmartConnect(api_key=mine["api_key"])
    data = client.generateSession(mine["client_code"], mine["pin"], code)["data"]
    return {"token": client.access_token, "says": data["clientcode"]}


def dhan():
    from dhanhq.auth import DhanLogin

    client = DhanLogin(mine["client_id"])
    found = client.generate_token(mine["pin"], code)["accessToken"]
    return {"token": found, "says": client.user_profile(found)["dhanClientId"]}


def kotak():
    from neo_api_client import NeoAPI

    client = NeoAPI(consumer_key=mine["consumer_key"])
    client.totp_login(mobile_number=mine["mobile_number"], ucc=mine["ucc"], totp=code)
    client.totp_validate(mpin=mine["mpin"])
    return {"token": client.configuration.edit_token, "says": client.limits()["Category"]}


def fivepaisa():
    from py5paisa import FivePaisaClient

    keys = {"USER_ID": mine["user_id"], "USER_KEY": mine["user_key"], "ENCRYPTION_KEY": mine["encryption_key"]}
    client = FivePaisaClient(cred={"APP_NAME": "", "APP_SOURCE": "", "PASSWORD": "", **keys})
    client.get_totp_session(mine["client_code"], code, mine["pin"])
    return {"token": client.access_token, "says": client.client_code}


def firstock():
    from firstock import firstock as sdk

    keys = {"vendorCode": f"{mine['user_id']}_API", "apiKey": mine["api_key"]}
    found = sdk.login(userId=mine["user_id"], password=mine["password"], TOTP=code, **keys)
    return {"token": found["data"]["susertoken"], "says": sdk.userDetails(userId=mine["user_id"])["data"]["actid"]}


def aliceblue():
    from TradeMaster.TradeSync import TradeHub

    client = TradeHub(user_id=mine["user_id"], auth_code=code, secret_key=mine["api_secret"])
    found = client.get_session_id()["userSession"]
    return {"token": found, "says": client.get_profile()["result"][0]["clientId"]}


def docs():
    os.mkdir("tokens")  # noqa: PTH102
    with open(f"tokens/{broker}.json", "w") as file:  # noqa: PTH123
        json.dump(given["token"], file)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(given["lines"], {})
    return {"says": told.getvalue()}


with contextlib.suppress(ImportError):
    turn_requests()
with contextlib.suppress(ImportError):
    turn_httpx()
print("\n" + json.dumps(globals()[broker if what == "login" else what](), default=str))  # noqa: T201
