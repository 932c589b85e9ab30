"""How httpx asks: each URL by the way that `proxies` says, and no other."""

from __future__ import annotations

from ssl import SSLContext

import httpx

from autologin.proxies import Proxy, Ways


class RoutingTransport(httpx.AsyncBaseTransport):
    """Connections by the way of each URL; `verify` is whom TLS trusts."""

    def __init__(self, ways: Ways, verify: SSLContext | bool = True) -> None:  # noqa: FBT001, FBT002  (httpx's own word)
        self._ways = ways
        self._verify = verify
        self._by_way: dict[Proxy | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, by the way of the request's URL."""
        proxy = self._ways.proxy_for(str(request.url))
        if proxy not in self._by_way:
            self._by_way[proxy] = httpx.AsyncHTTPTransport(
                verify=self._verify, trust_env=False, proxy=proxy.url if proxy else None
            )
        return await self._by_way[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in self._by_way.values():
            await transport.aclose()
