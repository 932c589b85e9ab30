"""Runs in the venv of an official SDK: signs in at a twin with it, or starts it from a token of ours, and prints what it says.

Arguments: the broker, what to do (`login` or `start`), and as JSON: the twin's origins, the credentials, the code, the token.
Each SDK has its addresses built in; they are turned to the twin below the SDK, so the bytes are the SDK's own.
"""

import json
import os
import sys
import tempfile

broker, what, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
origins, mine, code, token = given["origins"], given["credentials"], given["code"], given["token"]
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
    turn_requests()
    from SmartApi import SmartConnect

    if what == "login":
        client = SmartConnect(api_key=mine["api_key"])
        data = client.generateSession(mine["client_code"], mine["pin"], code)["data"]
        return {"token": client.access_token, "says": data["clientcode"]}
    extra = token["extra"]
    start = {"access_token": token["access_token"], "refresh_token": extra["refresh_token"], "feed_token": extra["feed_token"]}
    client = SmartConnect(api_key=extra["api_key"], **start)
    return {"says": client.getProfile(extra["refresh_token"])["data"]["clientcode"]}


def dhan():
    turn_requests()
    from dhanhq.auth import DhanLogin

    client = DhanLogin(mine["client_id"])
    if what == "login":
        found = client.generate_token(mine["pin"], code)["accessToken"]
        return {"token": found, "says": client.user_profile(found)["dhanClientId"]}
    client = DhanLogin(token["extra"]["client_id"])
    return {"says": client.user_profile(token["access_token"])["dhanClientId"]}


def kotak():
    turn_httpx()
    from neo_api_client import NeoAPI

    if what == "login":
        client = NeoAPI(consumer_key=mine["consumer_key"])
        client.totp_login(mobile_number=mine["mobile_number"], ucc=mine["ucc"], totp=code)
        client.totp_validate(mpin=mine["mpin"])
        return {"token": client.configuration.edit_token, "says": client.limits()["Category"]}
    client = NeoAPI(consumer_key=token["extra"]["consumer_key"])
    client.configuration.edit_token = token["access_token"]
    for name in ("edit_sid", "edit_rid", "base_url", "data_center", "ucc"):
        setattr(client.configuration, name, token["extra"][name])
    return {"says": client.limits()["Category"]}


def fivepaisa():
    turn_httpx()
    from py5paisa import FivePaisaClient

    keys = {"USER_ID": mine["user_id"], "USER_KEY": mine["user_key"], "ENCRYPTION_KEY": mine["encryption_key"]}
    client = FivePaisaClient(cred={"APP_NAME": "", "APP_SOURCE": "", "PASSWORD": "", **keys})
    if what == "login":
        client.get_totp_session(mine["client_code"], code, mine["pin"])
        return {"token": client.access_token, "says": client.client_code}
    client.set_access_token(token["access_token"], token["extra"]["client_code"])
    return {"says": client.client_code, "margin": client.margin()}


def mstock():
    turn_requests()
    from tradingapi_b.mconnect import MConnectB

    if what == "login":
        client = MConnectB(debug=False)
        client.login(mine["client_code"], mine["password"])
        return {"token": None, "says": None}
    client = MConnectB(api_key=token["extra"]["api_key"], access_Token=token["access_token"], debug=False)
    return {"says": client.get_fund_summary().json()["data"][0]["AVAILABLE_BALANCE"]}


def firstock():
    turn_requests()
    from firstock import firstock as sdk

    if what == "login":
        keys = {"vendorCode": f"{mine['user_id']}_API", "apiKey": mine["api_key"]}
        found = sdk.login(userId=mine["user_id"], password=mine["password"], TOTP=code, **keys)
        return {"token": found["data"]["susertoken"], "says": sdk.userDetails(userId=mine["user_id"])["data"]["actid"]}
    user = token["extra"]["userId"]
    with open("config.json", "w") as file:  # noqa: PTH123  (as the SDK does)
        json.dump({user: {"jKey": token["access_token"]}}, file)
    return {"says": sdk.userDetails(userId=user)["data"]["actid"]}


def aliceblue():
    turn_requests()
    from TradeMaster.TradeSync import TradeHub

    if what == "login":
        client = TradeHub(user_id=mine["user_id"], auth_code=code, secret_key=mine["api_secret"])
        found = client.get_session_id()["userSession"]
        return {"token": found, "says": client.get_profile()["result"][0]["clientId"]}
    client = TradeHub(user_id=token["user_id"], auth_code="", secret_key="", session_id=token["access_token"])
    return {"says": client.get_profile()["result"][0]["clientId"]}


print("\n" + json.dumps(globals()[broker](), default=str))  # noqa: T201
