"""Runs in the venv of upstox-python-sdk: calls the SDK against a twin, and prints what came of each call as JSON.

Arguments: the twin's origin, an access token ("" for none), then a list of [API, method, positional, keyword] as JSON.
"""

import json
import sys

import upstox_client
from upstox_client.rest import ApiException

origin, token, calls = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
configuration = upstox_client.Configuration()
configuration.host = configuration.order_host = origin
configuration.access_token = token
client = upstox_client.ApiClient(configuration)
results = []
for api, method, words, more in calls:
    if method == "init_token_request_for_indie_user":
        words = [upstox_client.IndieUserTokenRequest(words[0]), *words[1:]]  # noqa: PLW2901  (only JSON comes in)
    try:
        found = getattr(getattr(upstox_client, api)(client), method)(
            *words, _request_timeout=20, **more
        )
        results.append({"gave": client.sanitize_for_serialization(found)})
    except ApiException as error:
        results.append(
            {"raised": type(error).__name__, "status": error.status, "body": json.loads(error.body)}
        )
print("\n" + json.dumps(results))  # noqa: T201
client.pool.close()
