"""Runs in the venv of breeze-connect: calls the SDK against a twin, and prints what came of each call as JSON.

Arguments: the twin's origin, then a list of [AppKey, secret key, session] as JSON. The SDK fetches a list when it is imported
and imports a module called `config`, so its own config is put in place first, with the twin's addresses.
"""

import importlib.util
import json
import sys
from pathlib import Path

origin, starts = sys.argv[1], json.loads(sys.argv[2])
place = Path(importlib.util.find_spec("breeze_connect").origin).parent / "config.py"
spec = importlib.util.spec_from_file_location("config", place)
config = importlib.util.module_from_spec(spec)
spec.loader.exec_module(config)
config.API_URL = f"{origin}/breezeapi/api/v1/"
config.BREEZE_NEW_URL = f"{origin}/breezeapi/api/v2/"
config.SECURITY_MASTER_URL = f"{origin}/SecurityMaster.zip"
sys.modules["config"] = config

from breeze_connect import BreezeConnect  # noqa: E402

results = []
for key, secret, session in starts:
    breeze = BreezeConnect(api_key=key)
    try:
        breeze.generate_session(api_secret=secret, session_token=session)
        results.append({"user": breeze.user_id, "funds": breeze.get_funds()})
    except Exception as error:  # noqa: BLE001  (the SDK raises plain exceptions)
        results.append({"raised": str(error)})
print("\n" + json.dumps(results))  # noqa: T201
