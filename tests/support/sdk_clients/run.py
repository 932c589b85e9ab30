"""Runs in the venv of an official SDK: executes the lines that a twin, or a page of docs/brokers, has for it.

Its argument is JSON: the lines, the SDK's addresses with the twin's origins, the credentials (`mine`), the code, and our
token, which then stands in `tokens/<broker>.json`. Each SDK has its addresses built in; they are turned to the twin below
the SDK, so the bytes are the SDK's own. Prints JSON: what the lines leave in `gave` and `says`, and what they print.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

given = json.loads(sys.argv[1])
os.chdir(tempfile.mkdtemp())  # two of them write files where they stand


def turned(url):
    """The address at the twin; one that is nobody's is refused."""
    url = str(url)
    for host, origin in given["hosts"].items():
        if url.startswith(host):
            return origin + url.removeprefix(host)
    if url.startswith("http://127.0.0.1"):
        return url
    raise ConnectionError(url)


def turn_requests():
    import requests

    plain = requests.sessions.Session.request
    requests.sessions.Session.request = lambda self, method, url, **more: plain(
        self, method, turned(url), **more
    )


def turn_httpx():
    import httpx

    plain = httpx.Client.request
    httpx.Client.request = lambda self, method, url, **more: plain(
        self, method, turned(url), **more
    )


def turn_urllib3():
    import urllib3

    plain = urllib3.PoolManager.request
    urllib3.PoolManager.request = lambda self, method, url, **more: plain(
        self, method, turned(url), **more
    )


with contextlib.suppress(ImportError):
    turn_requests()
with contextlib.suppress(ImportError):
    turn_urllib3()
with contextlib.suppress(ImportError):
    turn_httpx()
if given["token"]:
    os.mkdir("tokens")  # noqa: PTH102
    with open(f"tokens/{given['token']['broker']}.json", "w") as file:  # noqa: PTH123
        json.dump(given["token"], file)
names = {"mine": given["mine"], "code": given["code"]}
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    exec(given["lines"], names)
result = {"gave": names.get("gave"), "says": names.get("says"), "printed": printed.getvalue()}
print("\n" + json.dumps(result, default=str))  # noqa: T201
