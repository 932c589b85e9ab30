"""Runs in the venv of norenrestapioauth (Shoonya) or of myntapi (Zebu): calls the SDK against a twin, prints what came of it.

Arguments: the SDK's name, the twin's base of the API, and the calls [name, arguments] as JSON. myntapi has Zebu's address in
its code, so its session sends such calls to the twin.
"""

import contextlib
import io
import json
import sys

sdk, api, calls = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
results, printed = [], io.StringIO()
with contextlib.redirect_stdout(printed):
    if sdk == "norenrestapioauth":
        from NorenRestApiPy.NorenApi import NorenApi

        client = NorenApi(host=api, websocket="ws://127.0.0.1/")
    else:
        from myntapi import app_oauth

        client, home = app_oauth(), "https://go.mynt.in/NorenWClientAPI"
        send = client.session.request
        client.session.request = lambda method, url, **rest: send(method, url.replace(home, api), **rest)
    for name, arguments in calls:
        results.append(getattr(client, name)(**arguments))
print(json.dumps(results))  # noqa: T201
