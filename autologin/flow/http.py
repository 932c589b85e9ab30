"""Asking a broker: the client that does, one request and its answer, and what answers mean.

Not all that answers is the broker: a firewall, a gateway and a maintenance page do too, with any
status. So an answer counts as a no only where it is the broker's own: a flow says how its broker
says no (`refusal`), and anything else is an outage (`no_answer`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from autologin import __version__
from autologin.clock import retry_after
from autologin.errors import AccountLocked, AutologinError, BrokerUnavailable, ExchangeRejected
from autologin.flow.base import Verdict, Verification
from autologin.flow.counts import read_int
from autologin.flow.phrases import REFUSES_A_SECRET, says
from autologin.proxies import DIRECT, Ways
from autologin.redaction import MASK, scrub

if TYPE_CHECKING:
    import httpx


ADDRESS = r"(?<![a-z])ips?(?![a-z])|white.?list"
"""Words of a broker that does not know the address from which it was called."""
AN_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}"
)
OF_SESSION = (
    r"token|session|jwt|unauthori[sz]ed|not authori[sz]ed|authenticat|authori[sz]ation"
    r"|log ?in again"
)
OF_OTHERS = rf"segment|permission|permitted|not (enabled|activated|allowed)|{ADDRESS}"
NO_REASON = "no reason"
IN_HEADER = r"[!-~]+"
"""What a header can carry."""
A_JWT = r"\beyJ[\w-]+\.[\w.-]+"
OUR_ADDRESS = "our_address"
"""Among an answer's extensions: the address from which the broker was called."""
LONG_WORD = r"[^\s<>]{20}"


def broker_client(ways: Ways | None = None) -> httpx.AsyncClient:
    """What asks a broker, each URL by its way; without any, directly."""
    import httpx  # noqa: PLC0415  (only a run needs it)

    from autologin.transport import RoutingTransport  # noqa: PLC0415  (see above)

    with suppress(ImportError):
        # 30 ms that httpx's first call would wait for
        import anyio._backends._asyncio  # noqa: F401, PLC0415
    for name in ("httpx", "httpcore"):
        # They would log addresses, and some brokers want a PIN in one.
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        timeout=15,
        trust_env=False,
        transport=RoutingTransport(ways or DIRECT, _trusted_certificates()),
        headers={"User-Agent": f"broker-autologin/{__version__}"},
    )


@cache
def _trusted_certificates() -> SSLContext:
    """20 ms to read, and the same for every run of a process."""
    import httpx  # noqa: PLC0415  (see above)

    return httpx.create_ssl_context(trust_env=False)


async def send(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    is_answer: Callable[[httpx.Response], bool] = lambda _: False,
) -> httpx.Response:
    """The broker's answer to a request that may have to be sent again.

    Raises:
        BrokerUnavailable: there was no answer, or one that says "later" (408, 429, 5xx), with its
            Retry-After, unless `is_answer` knows it for the broker's word all the same, or it is a
            429 whose words say that the account is locked: another try would prolong that.
    """
    import httpx  # noqa: PLC0415  (100 ms that `--help` and `status` do not need)

    where = f"{request.method} {request.url.host}{request.url.path}"
    try:
        response = await http.send(request, stream=True)
        response.extensions[OUR_ADDRESS] = _our_address(response)
        try:
            await response.aread()
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        why = ": ".join(filter(None, (type(error).__name__, str(error)[:120])))
        raise BrokerUnavailable(f"No answer from {where} ({why})", sent=_was_sent(error)) from None
    later = response.status_code in {408, 429} or response.status_code >= 500
    refused = REFUSES_A_SECRET.search(error_message(json_object(response)))
    if later and not refused and not _is_lock(response) and not is_answer(response):
        detail = f"{where} answered {response.status_code}"
        if words := error_message(json_object(response)):
            detail += f': "{scrub(words)[:200]}"'
        wait = retry_after(response.headers.get("retry-after"))
        raise BrokerUnavailable(detail, retry_after=wait)
    return response


def _is_lock(response: httpx.Response) -> bool:
    """Whether a 429 is no pace to keep but a lock, wherever its JSON has the words for it."""
    too_many = response.status_code == 429 and bool(json_object(response))
    return too_many and says(AccountLocked, response.text)


def _our_address(response: httpx.Response) -> str:
    """The address from which the connection was made, read while it is open; "" for none."""
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("client_addr") if stream else None
    return str(address[0]) if isinstance(address, tuple) else ""


def _was_sent(error: httpx.HTTPError) -> bool:
    """Whether anything of a request may have arrived: not where there was no connection."""
    import httpx  # noqa: PLC0415  (see above)

    never = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
    )
    return not isinstance(error, never)


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer; an empty one where there is none."""
    try:
        body = response.json(parse_int=read_int)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def data_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object under `data`; an empty one where there is none."""
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def text_of(value: object) -> str:
    """A field of an answer that is text or a number; "" for any other: it may hold a secret."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).encode(errors="replace").decode().strip()


def words_of(value: object) -> str:
    """The same of a field for people, without a JWT that may stand in it."""
    return re.sub(A_JWT, MASK, text_of(value))


def token_in(value: object) -> str:
    """A token in an answer; "" where it is none that a header can carry."""
    return value if isinstance(value, str) and re.fullmatch(IN_HEADER, value) else ""


def error_message(body: Mapping[str, Any]) -> str:
    """The broker's words: at the top of the answer, or code and words of the first in `errors`."""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = words_of(first.get("errorCode")) or words_of(first.get("error_code"))
    message = words_of(first.get("message")) or words_of(body.get("message"))
    return ": ".join(filter(None, (code, message)))


def refusal(says_no: object, *words: object) -> str:
    """The broker's words for its no, such as a code and a message; "" where it does not say no.

    `says_no` is what tells that an answer is the broker's own and a no, such as
    `answer.get("status") == "error"`. A no without words is one too.
    """
    said = ": ".join(filter(None, map(words_of, words)))
    if not says_no and not REFUSES_A_SECRET.search(said):
        return ""
    return said or NO_REASON


def quoted_refusal(title: str, response: httpx.Response, words: str) -> str:
    """A broker's no, for a person."""
    said = "gave no token and no reason" if words == NO_REASON else f'said: "{words}"'
    return f"{title} {said} (HTTP {response.status_code})"


def exchange_error(
    title: str,
    response: httpx.Response,
    message: object,
    *,
    hint: str | None = None,
) -> AutologinError:
    """The error for an answer without a token.

    `message` are the broker's words where it is the broker's own no (`refusal`); without any it is
    no answer of the broker's, which may be asked again.
    """
    words = text_of(message)
    if not words:
        return no_answer(title, response)
    detail = quoted_refusal(title, response, words)
    if says(BrokerUnavailable, words):
        return BrokerUnavailable(detail)
    if re.search(ADDRESS, words, re.IGNORECASE):
        hint = address_hint(title, response, words)
    return ExchangeRejected(detail, hint=hint)


def no_answer(
    title: str, response: httpx.Response, *, pause: float | None = None
) -> AutologinError:
    """The error for what is neither a token nor a no of the broker's: the broker is not there.

    Nothing of it is quoted but a page's title and words that every API has for errors. `pause` are
    the seconds after which it may be asked again.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()[:60]
    seen = [f"HTTP {response.status_code}", kind or "without a content type"]
    words = error_message(json_object(response))
    if not response.content:
        seen.append("empty")
    elif said := words[:200] or _title_of(response):
        seen.append(f'"{said}"')
    detail = f"{title} gave no token that can be used, and no reason of its own"
    return BrokerUnavailable(f"{detail} ({', '.join(seen)})", retry_after=pause)


def _title_of(response: httpx.Response) -> str:
    """The title of a page, where it is short and holds nothing that looks like a secret."""
    found = re.search(r"<title[^>]*>([^<]{1,200})</title>", response.text[:20_000], re.IGNORECASE)
    title = " ".join(scrub(found[1]).split()) if found else ""
    return "" if re.search(LONG_WORD, title) else title[:80]


def address_hint(title: str, response: httpx.Response, words: str) -> str:
    """What to do where a broker does not know this machine's address, and which one that is."""
    named = AN_ADDRESS.search(words)
    hint = f"Register this machine's address with {title}, then run it again."
    if named:
        return f"{hint} It is {named[0]}."
    ours = response.extensions.get(OUR_ADDRESS)
    here = f" It called from {ours}; behind" if ours else " Behind"
    return (
        f"{hint}{here} a router or a proxy it is the public address there, "
        "which `curl https://checkip.amazonaws.com` shows."
    )


async def verify_with(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    owner: Callable[[dict[str, Any]], str | None],
    dead: Callable[[int, dict[str, Any]], bool],
    words: Callable[[dict[str, Any]], str] = error_message,
) -> Verification:
    """What the answer to a call says of the token that it was made with.

    `owner` gives the user's id from the JSON of a 200 that shows that the token lives: "" where it
    names nobody, None where it shows nothing. `dead` tells from the status and the JSON of any
    other whether the broker means this token; what has no JSON is not the broker's.
    """
    try:
        response = await send(request, http)
    except BrokerUnavailable as error:
        return Verification(Verdict.UNKNOWN, detail=error.detail)
    body = json_object(response)
    user = owner(body) if response.status_code == 200 else None
    if user is not None:
        return Verification(Verdict.VALID, user_id=user or None)
    rejected = bool(body) and dead(response.status_code, body)
    verdict = Verdict.REJECTED if rejected else Verdict.UNKNOWN
    detail = f"{words(body) or request.url.path} (HTTP {response.status_code})"
    return Verification(verdict, detail=detail)


def refuses_token(status: int, words: str) -> bool:
    """Whether a broker's no means the token, where no code of it says so: a 401, in such words.

    A segment, a right or an address that is missing is another no.
    """
    means = re.search(OF_SESSION, words, re.IGNORECASE)
    return bool(status == 401 and means and not re.search(OF_OTHERS, words, re.IGNORECASE))


async def verify_profile(
    request: httpx.Request,
    http: httpx.AsyncClient,
    *,
    dead: Callable[[dict[str, Any]], bool],
    owner: str = "user_id",
) -> Verification:
    """What the answer to a profile call says of the token.

    `owner` is the name in its `data` of the user's id.

    `dead` tells from the JSON of a 4xx whether the broker means this token; any other refusal says
    nothing about it.
    """

    def owner_in(body: dict[str, Any]) -> str | None:
        user = data_of(body).get(owner)
        return str(user) if user else None

    return await verify_with(request, http, owner=owner_in, dead=lambda _, body: dead(body))
