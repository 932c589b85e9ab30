"""Runs in the venv of growwapi: calls the SDK against a twin, and prints what came of each call as JSON.

Arguments: the twin's origin, then a list of [name, keyword arguments] as JSON. `get_access_token` is called on the class; the
first other name makes the client with the last token.
"""

import json
import sys

import requests
from growwapi import GrowwAPI

origin, calls = sys.argv[1], json.loads(sys.argv[2])
plain = requests.sessions.Session.request


def at_the_twin(self, method, url, **more):
    """The SDK has its address built in."""
    return plain(self, method, url.replace("https://api.groww.in", origin), **more)


requests.sessions.Session.request = at_the_twin
results, token, client = [], "", None
for name, more in calls:
    try:
        if name == "get_access_token":
            token = found = GrowwAPI.get_access_token(**more)
        elif name == "GrowwAPI":
            client, found = GrowwAPI(**({"token": token} | more)), None
        else:
            found = getattr(client, name)()
        results.append({"gave": found})
    except Exception as error:  # noqa: BLE001  (whatever the SDK raises is the result)
        results.append(
            {
                "raised": type(error).__name__,
                "said": str(error),
                "code": getattr(error, "code", None),
            }
        )
print("\n" + json.dumps(results))  # noqa: T201
