"""How the redirect with the code reaches the browser: every kind that a broker could use."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request


class Delivery:
    """Sends a browser to a redirect URI.

    Kinds: 302, 303, 307, chain, js, meta, form_post, fragment, route, raw, popup, popup_302.
    """

    def __init__(self, render: Callable[..., Response]) -> None:
        self.render = render
        self._hops: dict[str, str] = {}
        self.route = Route("/hop/{ticket}/{left:int}", self._hop)

    def answer(self, kind: str, uri: str, params: Sequence[tuple[str, str]]) -> Response:
        """The answer that takes the browser to the redirect URI with these parameters."""
        if kind in {"302", "303", "307"}:
            return redirect(with_query(uri, params), int(kind))
        if kind == "fragment":
            return redirect(f"{uri}#{urlencode(params)}")
        if kind == "route":
            return redirect(f"{uri}#/signed-in?{urlencode(params)}")
        if kind == "raw":
            return redirect(with_query(uri, params, plain="+/=;"))
        if kind == "form_post":
            return self.render("delivery.html", kind=kind, url=uri, params=params)
        url = with_query(uri, params)
        if kind == "chain":
            return redirect(self._ticket(url, hops=2))
        return self.render(
            "delivery.html",
            kind=kind,
            url=self._ticket(url, hops=1) if kind == "popup_302" else url,
        )

    def _ticket(self, url: str, hops: int) -> str:
        ticket = secrets.token_hex(8)
        self._hops[ticket] = url
        return f"/hop/{ticket}/{hops}"

    async def _hop(self, request: Request) -> Response:
        ticket = request.path_params["ticket"]
        left = request.path_params["left"]
        if ticket not in self._hops:
            return Response("Not found", 404)
        return redirect(f"/hop/{ticket}/{left - 1}" if left > 1 else self._hops.pop(ticket))


def redirect(url: str, status: int = 302) -> Response:
    """A redirect with the address exactly as it is."""
    return Response(status_code=status, headers={"location": url})


def with_query(uri: str, params: Sequence[tuple[str, str]], plain: str = "") -> str:
    """The URI with more parameters behind the ones that it has; its own are left as they are.

    `plain` are signs that are not escaped.
    """
    joint = "&" if urlsplit(uri).query else "" if uri.endswith("?") else "?"
    return f"{uri}{joint}{urlencode(params, safe=plain)}"


def pairs(query: str) -> list[tuple[str, str]]:
    """The parameters in a query string, in order."""
    return parse_qsl(query, keep_blank_values=True)
