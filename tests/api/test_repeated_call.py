"""A call over HTTP that a kept connection swallows is sent once, however often its client could repeat it."""

from __future__ import annotations

import pytest
from support.keep_alive import KeepAliveServer

from autologin.errors import BrokerUnavailable
from autologin.flow.http import broker_client, send


@pytest.mark.parametrize("ending", ["dropped", "dropped and gone"])
async def test_a_call_is_never_sent_again_on_its_own(ending):
    async with KeepAliveServer(ending) as server, broker_client(None) as http:
        for _ in range(2):
            await http.get(f"{server.url}/session")
        assert server.connections == 1, "the connection was not kept, so nothing would be proved"
        request = http.build_request("POST", f"{server.url}/login", data={"pin": "1234"})
        with pytest.raises(BrokerUnavailable):
            await send(request, http)
        assert server.posts == ["pin=1234"]
        assert server.connections == 1
