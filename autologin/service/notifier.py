"""Telling people: what went wrong, once for each cause, and that it is over.

    notify: {urls: [{env: TELEGRAM_URL}], command: "...", ping: {env: PING_URL}}

`urls` are Apprise's (https://github.com/caronc/apprise; pip install 'broker-autologin[notify]').
`command` is a shell command that gets the notice as JSON on its standard input. `ping` is a dead
man's switch as healthchecks.io has it: it is asked after each run that has its token, and with
`/fail` at its end after each other one. What cannot be sent breaks nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from autologin.config.schema import Settings
from autologin.errors import AutologinError, ConfigError, NoticeFailed, Problem
from autologin.log import event
from autologin.redaction import scrub
from autologin.secret_refs import Secret, resolve
from autologin.store.alerts import Alerts

SECONDS = 20.0
"""For one notification on one way."""
INSTALL = "pip install 'broker-autologin[notify]'"


@dataclass(frozen=True)
class Notification:
    """What somebody is told.

    `cause` is a stable name; `account` is empty where it is about none.
    """

    kind: Literal["alert", "recovered", "test"]
    account: str
    cause: str
    title: str
    text: str


class Notifier:
    """The ways to people that a config names."""

    def __init__(self, settings: Settings, alerts: Alerts) -> None:
        self._settings = settings
        self._alerts = alerts
        self._sending: set[asyncio.Task[None]] = set()

    def alert(self, account: str, cause: str, text: str, *, image: Path | None = None) -> None:
        """Tell of a cause, unless it was told before and is not over."""
        if self._alerts.begin(account, cause):
            event("alert", level="ERROR", account=account, cause=cause, message=text)
            title = f"autologin: {account} {cause.replace('_', ' ')}"
            self._send(Notification("alert", account, cause, title, scrub(text)), image)

    def recover(self, account: str, causes: Collection[str]) -> None:
        """Tell that causes are over, where they had been told."""
        if ended := self._alerts.end(account, causes):
            event("recovered", account=account, causes=", ".join(ended))
            words = ", ".join(cause.replace("_", " ") for cause in ended)
            title = f"autologin: {account} recovered"
            self._send(Notification("recovered", account, ended[0], title, f"Over: {words}."), None)

    def ping(self, *, good: bool) -> None:
        """Ask the dead man's switch."""
        if self._settings.notify.ping:
            self._start(_quietly(self._ping(self._settings.notify.ping, good=good)))

    async def test(self) -> list[str]:
        """Send a test notification on every way; gives the ways.

        Raises:
            ConfigError: there is none.
            NoticeFailed: one of them did not take it; the others were tried all the same.
        """
        notification = Notification(
            "test", "", "test", "autologin: a test", "This is a test. All is well."
        )
        ways = list(self._ways(notification, None))
        if not ways:
            raise ConfigError(
                Problem("notify", "names no way to anybody", "Set notify.urls or notify.command.")
            )
        ends = await asyncio.gather(*(sending for _, sending in ways), return_exceptions=True)
        for (name, _), end in zip(ways, ends, strict=True):
            if isinstance(end, AutologinError):
                raise end
            if isinstance(
                end, BaseException
            ):  # an address may stand in what a library says, so its name must do
                raise NoticeFailed(f"{name}: {type(end).__name__}")
        return [name for name, _ in ways]

    async def close(self) -> None:
        """Wait a while for what is on its way."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=SECONDS)

    def _send(self, notification: Notification, image: Path | None) -> None:
        for _, sending in self._ways(notification, image):
            self._start(_quietly(sending))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _ways(
        self, notification: Notification, image: Path | None
    ) -> Iterator[tuple[str, Awaitable[None]]]:
        notify = self._settings.notify
        for index, url in enumerate(notify.urls):
            key = f"notify.urls.{index}"
            yield key, self._apprise(key, url, notification, image)
        if notify.command:
            yield "notify.command", self._command(notify.command, notification)

    async def _apprise(
        self, key: str, url: Secret, notification: Notification, image: Path | None
    ) -> None:
        try:
            import apprise  # noqa: PLC0415  (only whoever is told by it pays for it)
        except ImportError:
            raise NoticeFailed("apprise is not installed", hint=INSTALL) from None
        service = apprise.Apprise()
        address = resolve(key, url, self._settings.ref_context).value.get_secret_value()
        if not service.add(address):
            raise ConfigError(
                Problem(
                    key, "is not an address that Apprise knows", "See Apprise's list of services."
                )
            )
        attachment = str(image) if image else None
        sending = service.async_notify(
            body=notification.text, title=notification.title, attach=attachment
        )
        if not await asyncio.wait_for(sending, SECONDS):
            raise NoticeFailed(f"{key}: not accepted")

    async def _command(self, command: str, notification: Notification) -> None:
        context = self._settings.ref_context
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=context.folder,
            env=dict(context.environ),
            start_new_session=True,
        )
        try:
            content = json.dumps(asdict(notification)).encode()
            await asyncio.wait_for(process.communicate(content), SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            raise NoticeFailed(f"notify.command: exit code {process.returncode}")

    async def _ping(self, url: Secret, *, good: bool) -> None:
        import httpx  # noqa: PLC0415  (100 ms that only a ping needs)

        address = resolve("notify.ping", url, self._settings.ref_context).value.get_secret_value()
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as http:
            answer = await http.get(address if good else f"{address.rstrip('/')}/fail")
        if not answer.is_success:
            raise NoticeFailed(f"notify.ping: HTTP {answer.status_code}")


async def _quietly(sending: Awaitable[None]) -> None:
    try:
        await sending
    except AutologinError as error:
        event("notice_not_sent", level="WARNING", message=error.detail)
    except Exception as error:  # noqa: BLE001  (an address may stand in what a library says, so its name must do)
        event("notice_not_sent", level="WARNING", message=type(error).__name__)
