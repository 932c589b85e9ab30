"""Asking a broker: the client that does, one request and its answer, and what answers mean.

Not all that answers is the broker: a firewall, a gateway and a maintenance page do too, with any
status. So an answer counts as a no only where it is the broker's own: a flow says how its broker
says no (`refusal`), and anything else is an outage (`no_answer`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from autologin import __version__
from autologin.clock import retry_after
from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    CredentialsRejected,
    ExchangeRejected,
    OtpRejected,
)
from autologin.flow.base import Verdict, Verification
from autologin.flow.counts import read_int
from autologin.flow.phrases import IP, Meaning, meaning_of, refuses_a_secret, says
from autologin.proxies import DIRECT, Ways
from autologin.quoting import looks_secret, quotable
from autologin.redaction import MASK, remember_for_days

if TYPE_CHECKING:
    from http.cookiejar import Cookie, CookieJar

    import httpx


AN_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}"
)
OF_SESSION = (
    r"token|session|jwt|unauthori[sz]ed|not authori[sz]ed|authenticat|authori[sz]ation"
    r"|log ?in again"
)
OF_OTHERS = rf"segment|permission|permitted|not (enabled|activated|allowed)|{IP}|white.?list"
NO_REASON = "no reason"
IN_HEADER = r"[!-~]+"
"""What a header can carry."""
LONGEST_TOKEN = 16_384
OUR_ADDRESS = "our_address"
"""Among an answer's extensions: the address from which the broker was called."""
ANSWER_SECONDS = 60.0
"""For a whole answer: one that comes drop by drop is none."""
LARGEST = 2 * 1024 * 1024
"""Bytes of an answer that are read, counted when they are unpacked."""
LONGEST_WORDS = 2000
"""Characters of a broker's words that are looked at."""
MOST_WORDS = 5
"""Messages in a list that are."""
NAMES_OF_WORDS = ("message", "msg", "description", "detail", "reason", "text")
LONGEST_TEXT = 20_000
"""The same of an answer in which they are looked for."""
PACKED = {"gzip", "x-gzip", "deflate"}
MOST_VALUES = 5000
"""Values of an answer among which secrets are looked for."""
OF_SECRETS = re.compile(r"token|jwt|secret|session|passw|auth|cookie|sid$|key", re.IGNORECASE)
"""Names of an answer's fields that hold secrets."""
ITS_OWN_WORDS = re.compile(r"mess?age|msg|descr|reason|remark|title|error|detail", re.IGNORECASE)
"""Names of those that hold words."""
HARMLESS = re.compile(r"Server disconnected without sending a response\.?|peer closed connection")
"""What httpx says of a broken answer without a word of the answer in it."""


def broker_client(ways: Ways | None = None) -> httpx.AsyncClient:
    """What asks a broker, each URL by its way; without any, directly.

    Its calls raise BrokerUnavailable, and nothing of httpx's.
    """
    from autologin.transport import RoutingTransport  # noqa: PLC0415  (see above)

    with suppress(ImportError):
        # 30 ms that httpx's first call would wait for
        import anyio._backends._asyncio  # noqa: F401, PLC0415
    for name in ("httpx", "httpcore"):
        # They would log addresses, and some brokers want a PIN in one.
        logging.getLogger(name).setLevel(logging.WARNING)
    return _client_class()(
        timeout=15,
        trust_env=False,
        transport=RoutingTransport(ways or DIRECT, _trusted_certificates()),
        headers={
            "User-Agent": f"broker-autologin/{__version__}",
            "Accept-Encoding": "gzip, deflate",
        },
        cookies=_cookies(),
    )


@cache
def _client_class() -> type[httpx.AsyncClient]:
    """The client of httpx that reads an answer as `send` does for a flow that does not use that."""
    import httpx  # noqa: PLC0415  (see above)

    class Client(httpx.AsyncClient):
        async def send(
            self, request: httpx.Request, *, stream: bool = False, **more: Any
        ) -> httpx.Response:
            if stream:
                return await super().send(request, stream=True, **more)
            return await _ask(request, self)

    return Client


def _cookies() -> CookieJar:
    """Keeps a broker's cookies, but for those that no request could carry back."""
    from http.cookiejar import CookieJar  # noqa: PLC0415  (httpx has imported it)

    class Cookies(CookieJar):
        def set_cookie(self, cookie: Cookie) -> None:
            texts = (cookie.name, cookie.value or "", cookie.path, cookie.domain)
            if all(text.isascii() and text.isprintable() for text in texts):
                super().set_cookie(cookie)

    return Cookies()


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
            Retry-After, unless `is_answer` knows it for the broker's word all the same, or its
            words say that the account is locked: another try would prolong that. Of a 5xx no other
            words are believed: they are those of a fault.
    """
    response = await _ask(request, http)
    broken = response.status_code >= 500
    later = broken or response.status_code in {408, 429}
    words = error_message(json_object(response))
    refused = _is_lock(response) or (not broken and refuses_a_secret(words))
    if later and not refused and not is_answer(response):
        detail = f"{_place(request)} answered {response.status_code}"
        if words:
            detail += f': "{quotable(words)}"'
        wait = retry_after(response.headers.get("retry-after"))
        raise BrokerUnavailable(detail, retry_after=wait)
    return response


def _place(request: httpx.Request) -> str:
    """What was asked, without its query."""
    return f"{request.method} {quotable(f'{request.url.host}{request.url.path}')}"


async def _ask(request: httpx.Request, http: httpx.AsyncClient) -> httpx.Response:
    """An answer, read and unpacked.

    Whatever the broker, or something in front of it, does to that is an outage.

    Raises:
        BrokerUnavailable: there is none that can be read.
    """
    import httpx  # noqa: PLC0415  (100 ms that `--help` and `status` do not need)

    where = _place(request)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            response = await http.send(request, stream=True)
            address = _our_address(response)
            try:
                answer = await _read(response)
            finally:
                await response.aclose()
    except TimeoutError:
        raise BrokerUnavailable(f"{where} did not end its answer in time") from None
    except httpx.HTTPError as error:
        detail = f"No answer from {where} ({_why(error)})"
        raise BrokerUnavailable(detail, sent=_was_sent(error)) from None
    except AutologinError:
        raise
    except Exception as error:  # noqa: BLE001  (httpx, its parts and codecs each have errors of their own: what made them is the answer)
        detail = f"{where} gave an answer that cannot be read ({type(error).__name__})"
        raise BrokerUnavailable(detail) from None
    answer.extensions[OUR_ADDRESS] = address
    _remember_secrets(json_object(answer))
    return answer


async def _read(response: httpx.Response) -> httpx.Response:
    """An answer with its whole body.

    It is unpacked here, because httpx unpacks each part as large as it may become.

    Raises:
        BrokerUnavailable: it is too large, or packed in a way that was not asked for.
    """
    import httpx  # noqa: PLC0415  (see above)

    packed = [
        word.strip().lower() for word in response.headers.get("content-encoding", "").split(",")
    ]
    packed = [word for word in packed if word not in {"", "identity"}]
    if len(packed) > 1 or not PACKED.issuperset(packed):
        raise BrokerUnavailable("The answer is packed in a way that was not asked for")
    body = bytearray()
    if response.is_stream_consumed:  # a transport has read it all
        body += response.content
    else:
        async for part in _unpacked(response, packed):
            body += part
            if len(body) > LARGEST:
                break
    if len(body) > LARGEST:
        mib = LARGEST // 1024**2
        raise BrokerUnavailable(f"The answer is larger than {mib} MiB, and so none of the broker's")
    headers = [
        (name, value)
        for name, value in response.headers.raw
        if name.lower() not in {b"content-encoding", b"content-length", b"transfer-encoding"}
    ]
    return httpx.Response(
        response.status_code, headers=headers, content=bytes(body), request=response.request
    )


async def _unpacked(response: httpx.Response, packed: list[str]) -> AsyncIterator[bytes]:
    """The parts of a body, none of them much larger than what is read at most."""
    unpacker = zlib.decompressobj(wbits=47) if packed else None  # gzip or zlib
    begun = False
    async for part in response.aiter_raw():
        if unpacker is None:
            yield part
            continue
        try:
            plain = unpacker.decompress(part, LARGEST + 1)
        except zlib.error:
            if begun or packed != ["deflate"]:
                raise
            unpacker = zlib.decompressobj(wbits=-15)  # without its head, as some servers have it
            plain = unpacker.decompress(part, LARGEST + 1)
        begun = True
        yield plain


def _why(error: httpx.HTTPError) -> str:
    """What an error of httpx's says that is of this machine, and nothing of an answer."""
    import httpx  # noqa: PLC0415  (see above)

    said = str(error)
    ours = isinstance(error, httpx.ConnectError | httpx.TimeoutException) or HARMLESS.match(said)
    return ": ".join(filter(None, (type(error).__name__, quotable(said, 120) if ours else "")))


def _remember_secrets(answer: Mapping[str, Any]) -> None:
    """What looks like a token in an answer is cut out of all that is written from now on.

    So whatever is quoted by mistake, by a flow of somebody's own too, gives none away.
    """
    waiting: list[tuple[str, Any]] = [("", answer)]
    found: list[str] = []
    seen = 0
    while waiting and seen < MOST_VALUES:
        name, value = waiting.pop()
        seen += 1
        if isinstance(value, dict):
            waiting.extend((str(key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((name, inner) for inner in value)
        elif isinstance(value, str) and _is_secret(name, value):
            found.append(value)
    remember_for_days(*found)


def _is_secret(name: str, value: str) -> bool:
    """Whether a field of an answer holds a token: by its name, or by what it looks like."""
    if not 8 <= len(value) <= LONGEST_TOKEN or not re.fullmatch(IN_HEADER, value):
        return False
    if re.match(r"https?:", value) or ITS_OWN_WORDS.search(name):
        return False
    if OF_SECRETS.search(name):
        return bool(re.search(r"\d", value)) or looks_secret(value)
    return len(value) >= 16 and not value.isdigit() and looks_secret(value)


def _is_lock(response: httpx.Response) -> bool:
    """Whether what says "later" is a lock, wherever its JSON has the words for it."""
    if response.status_code not in {408, 429} and response.status_code < 500:
        return False
    return any(says(AccountLocked, text) for text in _texts_in(json_object(response)))


def _texts_in(answer: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an answer, wherever they stand in it."""
    waiting: list[Any] = [answer]
    seen = 0
    while waiting and seen < MOST_VALUES:
        value = waiting.pop()
        seen += 1
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str):
            yield value


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
        body = json.loads(response.content, parse_int=read_int)
    except UnicodeDecodeError:  # a sign in some words that is none must not hide a token
        body = _json_of(response.content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _json_of(text: str) -> Any:
    try:
        return json.loads(text, parse_int=read_int)
    except (ValueError, RecursionError):
        return None


def text_in(response: httpx.Response) -> str:
    """The start of an answer's text, whatever it calls its alphabet."""
    return response.content[:LONGEST_TEXT].decode("utf-8", "replace")


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
    """The words for people in a field, without what looks like a secret in them.

    Some brokers make a list of them, or an object with names such as `message`.
    """
    if isinstance(value, list):
        return "; ".join(filter(None, map(words_of, value[:MOST_WORDS])))
    if isinstance(value, dict):
        named = (value[name] for name in NAMES_OF_WORDS if isinstance(value.get(name), str))
        return words_of(next(named, None))
    return quotable(text_of(value), LONGEST_WORDS)


def token_in(value: object) -> str:
    """A token in an answer; "" where it is none that a header can carry."""
    fits = isinstance(value, str) and len(value) <= LONGEST_TOKEN and re.fullmatch(IN_HEADER, value)
    return str(value) if fits else ""


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
    return (said or NO_REASON) if says_no else ""


def quoted_refusal(title: str, response: httpx.Response, words: str) -> str:
    """A broker's no, for a person."""
    said = f'said: "{quotable(words)}"' if words != NO_REASON else "gave no token and no reason"
    return f"{title} {said} (HTTP {response.status_code})"


def exchange_error(
    title: str,
    response: httpx.Response,
    message: object,
    *,
    hint: str | None = None,
    own: Sequence[Meaning] = (),
) -> AutologinError:
    """The error for an answer without a token.

    `message` are the broker's words where it is the broker's own no (`refusal`); without any it is
    no answer of the broker's, which may be asked again. `own` is what the flow knows of them beside
    the common table. A code that was refused is refused whatever the words blame.
    """
    words = words_of(message)
    if not words:
        return no_answer(title, response)
    detail = quoted_refusal(title, response, words)
    meant = meaning_of(words, own)
    if meant and meant.kind is BrokerUnavailable:
        return BrokerUnavailable(detail, retry_after=meant.pause)
    if meant and meant.kind is ExchangeRejected:
        hint = meant.hint or address_hint(title, response, words)
    elif meant and not issubclass(meant.kind, CredentialsRejected | OtpRejected):
        hint = meant.hint or meant.kind.hint
    return ExchangeRejected(detail, hint=hint)


def no_answer(
    title: str, response: httpx.Response, *, pause: float | None = None
) -> AutologinError:
    """The error for what is neither a token nor a no of the broker's: the broker is not there.

    Nothing of it is quoted but a page's title and words that every API has for errors. `pause` are
    the seconds after which it may be asked again.
    """
    seen = [f"HTTP {response.status_code}", _kind_of(response)]
    words = error_message(json_object(response))
    if response.status_code < 500 and refuses_a_secret(words):
        # Of a shape that is not the broker's: nobody is blocked, and nothing is sent again.
        return ExchangeRejected(quoted_refusal(title, response, words))
    if not response.content:
        seen.append("empty")
    elif said := quotable(words) or _title_of(response):
        seen.append(f'"{said}"')
    detail = f"{title} gave no token that can be used, and no reason of its own"
    return BrokerUnavailable(f"{detail} ({', '.join(seen)})", retry_after=pause)


def _kind_of(response: httpx.Response) -> str:
    """What an answer says that it is, where that is such a word as text/html."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = re.fullmatch(r"[a-z]{3,12}/[a-z0-9.+-]{2,40}", kind) and quotable(kind) == kind
    return kind if known else "without a content type" if not kind else "of an odd content type"


def _title_of(response: httpx.Response) -> str:
    """The title of a page, where it holds nothing that looks like a secret."""
    pattern = r"<title[^>]{0,200}>([^<]{1,200})</title>"
    found = re.search(pattern, text_in(response), re.IGNORECASE)
    title = quotable(found[1], 80) if found else ""
    return "" if MASK in title else title


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
    said = quotable(words(body) or request.url.path)
    detail = f"{said} (HTTP {response.status_code})"
    return Verification(verdict, detail=detail)


def refuses_token(status: int, words: str) -> bool:
    """Whether a broker's no means the token, where no code of it says so: a 401, in such words.

    `words` are those of its own no (`refusal`), which may have none. A segment, a right or an
    address that is missing is another no, and so is an outage.
    """
    later = says(BrokerUnavailable, words) and "expired" not in words.lower()
    if status != 401 or not words or later:
        return False
    means = words == NO_REASON or re.search(OF_SESSION, words, re.IGNORECASE)
    return bool(means and not re.search(OF_OTHERS, words, re.IGNORECASE))


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
