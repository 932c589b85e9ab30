"""Runs in the venv of fyers-apiv3: calls the SDK against a twin, and prints what came of each call as JSON.

Arguments: the twin's API base, a folder for the SDK's logs, then a list of [call, {what it needs}] as JSON.
"""

import json
import sys

from fyers_apiv3 import fyersModel

base, folder, calls = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
fyersModel.Config.API = base


def url(**app):
    return fyersModel.SessionModel(response_type="code", **app).generate_authcode()


def exchange(code, **app):
    session = fyersModel.SessionModel(grant_type="authorization_code", **app)
    session.set_token(code)
    return session.generate_token()


def model(client_id, token, method):
    return getattr(
        fyersModel.FyersModel(client_id=client_id, token=token, log_path=folder), method
    )()


DO = {"url": url, "exchange": exchange, "model": model}
results = [DO[call](**more) for call, more in calls]
print("\n" + json.dumps(results))  # noqa: T201
