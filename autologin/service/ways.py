"""The ways to people: an address of Apprise's, or a command. Each is a sink for notices.

Its name in the outbox stays the same whatever the order in the config, and says nothing about the
address; its label, such as `notify.urls.0`, is for people.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr

from autologin.clock import Clock, format_ist
from autologin.delivery.sinks.base import Sink, SinkConfig
from autologin.errors import ConfigError, DeliveryFailed, NoticeFailed, Problem
from autologin.login import artifacts
from autologin.message import ALERT, RECOVERED, Message
from autologin.proxies import ProxyError, tell_requests
from autologin.redaction import scrub
from autologin.secret_refs import RefContext, Secret, SecretField, resolve
from autologin.store.outbox import NOTICES
from autologin.threads import in_thread

if TYPE_CHECKING:
    from autologin.config.schema import Notify
    from autologin.store.store import Store

SECONDS = 20.0
"""For one notification on one way."""
LATE = timedelta(minutes=5)
"""A notice that is older says of when it is."""
THREADS = 16
"""Notices on their way to one address at one time; one that hangs cannot be ended."""
INSTALL = "pip install 'broker-autologin[notify]'"


@dataclass(frozen=True)
class Notification:
    """What somebody is told.

    `cause` is a stable name; `account` is empty where it is about none. `id` is the same on every
    try and every way, and `at` (ISO 8601) when it began.
    """

    kind: Literal["alert", "recovered", "test"]
    account: str
    cause: str
    title: str
    text: str
    id: str
    at: str

    @classmethod
    def of(cls, message: Message, now: datetime) -> Notification:
        """A message as people read it."""
        causes = message.data.get("causes", ["test"])
        words = ", ".join(cause.replace("_", " ") for cause in causes)
        whose = f"{message.account} " if message.account else ""
        kind: Literal["alert", "recovered", "test"] = "test"
        title, text = "autologin: a test", "This is a test. All is well."
        if message.type == ALERT:
            kind, title, text = "alert", f"{whose}{words}", message.data["text"]
        elif message.type == RECOVERED:
            kind, title, text = "recovered", f"{whose}recovered", f"Over: {words}."
        if now - message.at >= LATE:
            text += f" This is of {format_ist(message.at)}; it could not be told before."
        title = title if kind == "test" else f"autologin: {title}"
        at = message.at.isoformat()
        return cls(kind, message.account, causes[0], title, scrub(text), message.id, at)


class Way(SinkConfig):
    """A way to people, as the dispatcher needs it."""

    type: str = "way"
    label: str
    now: Callable[[], datetime] = Field(repr=False)


class UrlWay(Way):
    """An address of Apprise's."""

    url: SecretField

    def build(self, name: str, place: RefContext) -> Sink:
        """The sink."""
        return _UrlSink(self, name, place)

    def secrets(self) -> Mapping[str, Secret]:
        """The address."""
        return {"url": self.url}


class CommandWay(Way):
    """A shell command that gets the notice as JSON on its standard input."""

    command: str

    def build(self, name: str, place: RefContext) -> Sink:
        """The sink."""
        return _CommandSink(self, name, place)


def read_ways(notify: Notify, store: Store, clock: Clock) -> dict[str, Way]:
    """The ways of a config, by their names in the outbox.

    An address that stands behind a reference is the same way when the address changes: it is the
    same person.
    """
    ways: dict[str, Way] = {}
    for index, url in enumerate(notify.urls):
        name = store.fingerprint("notify.urls", url.kind, url.target.get_secret_value())
        ways.setdefault(
            f"{NOTICES}{name}", UrlWay(label=f"notify.urls.{index}", now=clock.now, url=url)
        )
    if notify.command:
        ways[f"{NOTICES}command"] = CommandWay(
            label="notify.command", now=clock.now, command=notify.command
        )
    return ways


def check_notice_url(key: str, address: SecretStr, place: RefContext) -> str:
    """By which way an address of Apprise's is asked, in words; "" where that is not HTTP.

    Raises:
        ConfigError: Apprise is not installed, or cannot read the address; or a proxy is wrong.
    """
    try:
        import apprise  # noqa: PLC0415  (only whoever is told by it pays for it)
    except ImportError:
        raise ConfigError(Problem(key, "needs apprise, which is not installed", INSTALL)) from None
    service = apprise.Apprise()
    _add_address(service, key, address)
    found = service[0]
    if found.__module__.partition(".plugins.")[2].startswith(("email", "mqtt", "syslog")):
        return ""
    url = getattr(found, "notify_url", None)
    if not isinstance(url, str) or "://" not in url:  # a server of one's own
        secure = getattr(found, "secure", True) or not getattr(found, "protocol", None)
        url = f"{'https' if secure else 'http'}://{getattr(found, 'host', None) or ''}"
    return place.ways().describe(url)


def check_ping(key: str, address: SecretStr, place: RefContext) -> str:
    """By which way a dead man's switch is asked, in words.

    Raises:
        ConfigError: it is no address that can be asked; or a proxy is wrong.
    """
    import httpx  # noqa: PLC0415  (100 ms that only a ping needs)

    try:
        url = httpx.URL(address.get_secret_value())
        usable = url.scheme in {"http", "https"} and bool(url.host)
    except (httpx.InvalidURL, ValueError):
        usable = False
    if not usable:
        raise ConfigError(Problem(key, "is not an address", "Write it as https://host/path."))
    return place.ways().describe(str(url))


def _add_address(service: Any, key: str, address: SecretStr) -> None:
    """Give Apprise an address.

    Raises:
        ConfigError: it cannot read it.
    """
    try:
        known = service.add(address.get_secret_value())
    except Exception:  # noqa: BLE001  (each service reads its addresses in its own way)
        known = False
    if not known or not len(service):
        detail = "is not an address that Apprise can read"
        hint = "Compare it with its service at https://github.com/caronc/apprise/wiki."
        raise ConfigError(Problem(key, detail, hint))


class NoticeSink:
    """A way to people, made from its config."""

    def __init__(self, way: Way, name: str, place: RefContext) -> None:
        self.name = name
        self._label = way.label
        self._now = way.now
        self._place = place

    async def check(self) -> None:
        """Nothing is known of a way before it is used."""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def deliver(self, message: Message) -> None:
        """Tell somebody.

        Raises:
            DeliveryFailed: it was not taken.
        """
        try:
            await self.send(message)
        except NoticeFailed as error:
            raise DeliveryFailed(error.detail) from None
        except ConfigError as error:
            problem = error.problems[0]
            raise DeliveryFailed(problem.message, hint=problem.hint) from None
        except TimeoutError:
            raise DeliveryFailed(f"no answer within {SECONDS:g} s") from None
        except Exception as error:  # noqa: BLE001  (an address may stand in what a library says, so its name must do)
            raise DeliveryFailed(type(error).__name__) from None

    async def send(self, message: Message) -> None:
        """Tell somebody.

        Raises:
            NoticeFailed, ConfigError, TimeoutError, Exception: it was not taken.
        """
        raise NotImplementedError


class _UrlSink(NoticeSink):
    def __init__(self, way: UrlWay, name: str, place: RefContext) -> None:
        super().__init__(way, name, place)
        self._url = way.url
        self._free = threading.BoundedSemaphore(THREADS)

    async def send(self, message: Message) -> None:
        notification = Notification.of(message, self._now())
        image = str(message.data.get("image") or "")
        if not self._free.acquire(blocking=False):
            raise NoticeFailed(f"the {THREADS} notices before this one are still on their way")
        async with asyncio.timeout(SECONDS):
            await in_thread(lambda: self._send(notification, image))

    def _send(self, notification: Notification, image: str) -> None:
        """Tell somebody, in a thread: following a reference and sending both may take a while."""
        try:
            self._notify(notification, image)
        finally:
            self._free.release()

    def _notify(self, notification: Notification, image: str) -> None:
        try:
            import apprise  # noqa: PLC0415  (only whoever is told by it pays for it)
        except ImportError:
            raise NoticeFailed("apprise is not installed", hint=INSTALL) from None
        asset = apprise.AppriseAsset(async_mode=False)
        # Apprise's own limit works with threads that the exit of the process waits for.
        vars(asset)["_service_timeout"] = 0.0
        try:
            tell_requests(self._place.environ)
        except ProxyError as error:
            raise NoticeFailed(f"{error.key} {error.detail}", hint=error.hint) from None
        service = apprise.Apprise(asset=asset)
        address = resolve(self._label, self._url, self._place).value
        _add_address(service, self._label, address)
        title, body = notification.title, notification.text
        shown = image and artifacts.is_masked(Path(image))
        if shown and service.notify(body, title, attach=image):
            return
        if not service.notify(body, title):  # a picture that cannot be sent must not cost the words
            raise NoticeFailed("not accepted")


class _CommandSink(NoticeSink):
    def __init__(self, way: CommandWay, name: str, place: RefContext) -> None:
        super().__init__(way, name, place)
        self._command = way.command

    async def send(self, message: Message) -> None:
        notification = Notification.of(message, self._now())
        process = await asyncio.create_subprocess_shell(
            self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._place.folder,
            env=self._place.command_environ(),
            start_new_session=True,
        )
        try:
            content = json.dumps(asdict(notification)).encode()
            async with asyncio.timeout(SECONDS):
                await process.communicate(content)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            raise NoticeFailed(f"exit code {process.returncode}")
