"""What `status` and `token` tell after a login."""

from __future__ import annotations

import asyncio
import json

from support.sandbox import rehearsal


async def test_after_a_login(tmp_path):
    async with rehearsal(tmp_path) as served:
        assert (await served.user.says("run", "zerodha")).code == 0
        done = await served.user.says("status", "--verify", "--json")
        assert (done.code, done.account["verified"], done.account["state"]) == (0, "valid", "valid")
        assert done.account["last_run"]["outcome"] == "issued"
        printed, told = await asyncio.gather(
            served.user.says("token", "zerodha"), served.user.says("token", "zerodha", "--json")
        )
        assert told.json == json.loads(served.token_file.read_text())
        assert printed.out == told.json["access_token"] + "\n"
        assert printed.err == ""
        one = await served.user.says("token", "zerodha", "--field", "expires_at")
        assert one.out.strip() == told.json["expires_at"]
        bad = await served.user.says("token", "zerodha", "--field", "acess_token")
        assert (bad.code, bad.out) == (1, "")
        assert 'error: The token has no field "acess_token". Known here: account, broker' in bad.err
