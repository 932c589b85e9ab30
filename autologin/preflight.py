"""Everything that `autologin check` looks at.

What a login will need, tried before the morning that needs it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from autologin import files
from autologin.clock import IST, Clock, SystemClock
from autologin.config import accounts, loader, withheld
from autologin.config.schema import Account, Settings
from autologin.delivery.dispatcher import Dispatcher
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry, samples
from autologin.flow.base import BrowserFlow, Flow
from autologin.login import browser
from autologin.login.driver_process import find_fault
from autologin.login.inspection import describe
from autologin.login.pages import script_of
from autologin.login.viewer import Viewer, Way
from autologin.market.calendar import Calendar
from autologin.market.loader import load_calendar
from autologin.problems import Loc, dotted
from autologin.redaction import scrub
from autologin.secret_refs import RefContext, Secret, exists, follow, resolve
from autologin.service.schedule import Timetable
from autologin.service.ways import check_notice_url, check_ping
from autologin.status import Status, describe_delivery, read_statuses
from autologin.store.database import FILE, unusable
from autologin.store.encryption import KEY_FILE, Encryption
from autologin.store.folder import find_problem, find_shared_parent, find_wide
from autologin.store.store import Store

if TYPE_CHECKING:
    from pydantic import SecretStr

Level = Literal["ok", "warning", "problem"]
SKEW_WARNED = 3.0
SKEW_REFUSED = 25.0
"""Seconds. A code lives 30: a clock that is off by nearly as much makes codes that the broker
refuses."""
ANSWER_SECONDS = 10.0
NO_ANSWER = "no answer from"
NEW_STORE = 128 * 1024
"""Bytes that a store takes at its beginning, and a little more."""
KEY_GONE = (
    f"Put it back (state.keys, or the file `{KEY_FILE}` in the state folder), or move {FILE} away; "
    "the next run makes a new one and logs in anew."
)
CALENDAR_AHEAD = timedelta(days=14)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its key, how it is, and how to fix it."""

    key: str
    level: Level
    message: str
    hint: str = ""


def run(
    path: Path | None, environ: Mapping[str, str], *, online: bool, clock: Clock | None = None
) -> list[Finding]:
    """Look at everything and report it all at once; nothing is left behind.

    References are followed (commands are run, AWS is asked) and sinks are asked whether they would
    take a token; brokers are asked only where `online`.
    """
    try:
        reading = loader.read(path, environ)
    except ConfigError as error:
        return _as_findings(error.problems)
    findings = _as_findings(reading.problems)
    if reading.settings is not None:
        known = {finding.key for finding in findings}
        checks = _check_settings(reading.settings, environ, clock or SystemClock(), online=online)
        findings += [finding for finding in checks if finding.key not in known]
    if reading.file and not reading.problems:
        findings.insert(0, Finding(str(reading.file), "ok", "the config can be read"))
    scrubbed = (
        Finding(finding.key, finding.level, scrub(finding.message), scrub(finding.hint))
        for finding in findings
    )
    return list(
        dict.fromkeys(scrubbed)
    )  # two accounts at one broker share its flow, which is reported once


def _check_settings(
    settings: Settings, environ: Mapping[str, str], clock: Clock, *, online: bool
) -> Iterator[Finding]:
    flows: dict[str, Flow | None] = {}
    calendar = yield from _check_calendar(settings, clock)
    for account in settings.accounts.values():
        if kind := _flow_class(account.broker):
            flows[account.name] = yield from _check_credentials(settings, account, environ)
            yield _find_flow_file(settings, kind)
            if calendar:
                yield from _check_next_login(settings, account, kind, calendar, clock)
    yield from _find_skipped_flows(settings)
    yield from _check_other_secrets(settings, environ)
    yield from _check_permissions(settings)
    yield _check_state(settings)
    if any(isinstance(flow, BrowserFlow) for flow in flows.values()) or not any(flows.values()):
        yield _find_browser(settings)
    yield from asyncio.run(_check_sinks(settings))
    yield from _find_tokens(settings, clock)
    if online:
        yield from _ask_brokers(settings, flows, environ, clock)


def _ask_brokers(
    settings: Settings,
    flows: Mapping[str, Flow | None],
    environ: Mapping[str, str],
    clock: Clock,
) -> Iterator[Finding]:
    """Each broker's clock and, where it signs in on a page, what would be filled there."""
    pages: dict[str, BrowserFlow] = {}
    for name, flow in flows.items():
        if flow is None:
            continue
        found = _check_clock(settings.accounts[name], flow, environ, clock)
        yield found
        if isinstance(flow, BrowserFlow) and not found.message.startswith(NO_ANSWER):
            pages[name] = flow
    if pages:
        yield from asyncio.run(_check_login_pages(settings, pages, environ))


async def _check_login_pages(
    settings: Settings, flows: Mapping[str, BrowserFlow], environ: Mapping[str, str]
) -> list[Finding]:
    driver = browser.Driver(partial(withheld.for_browser, settings))
    places = asyncio.Semaphore(settings.concurrency)

    async def one(name: str, flow: BrowserFlow) -> list[Finding]:
        async with places:
            try:
                return [
                    await _check_login_page(
                        settings, settings.accounts[name], flow, environ, driver
                    )
                ]
            except ConfigError:
                return []  # reported beside the proxy, or the browser
            except AutologinError as error:
                return [Finding(f"accounts.{name}.pages", "problem", error.detail, error.hint)]

    try:
        found = await asyncio.gather(*(one(name, flow) for name, flow in flows.items()))
        return [finding for several in found for finding in several]
    finally:
        await driver.stop()


async def _check_login_page(
    settings: Settings,
    account: Account,
    flow: BrowserFlow,
    environ: Mapping[str, str],
    driver: browser.Driver,
) -> Finding:
    """What would be filled on an account's login page; nothing is typed."""
    key = f"accounts.{account.name}.pages"
    proxy = accounts.chromium_proxy(account, accounts.ways_out(account, environ))
    script = script_of(flow, account, samples.sample_otp() if flow.seed else None)
    viewer = Viewer(driver, settings.browser, proxy, SystemClock())
    view = await viewer.view_login(flow, account.login_hosts, Way(script))
    look = f"`autologin inspect {account.name}` shows the page: docs/when-a-page-changes.md."
    if view.verdict is None:
        return Finding(key, "problem", f"no login page: {view.error}", look)
    if view.verdict.refused:
        detail = f"nothing would be filled on the login page: {view.verdict.refused.detail}"
        return Finding(key, "problem", detail, look)
    return Finding(key, "ok", f"on the login page, {describe(view.verdict)}")


def _as_findings(problems: Iterable[Problem]) -> list[Finding]:
    return [Finding(problem.key, "problem", problem.message, problem.hint) for problem in problems]


def _flow_class(broker: str) -> type[Flow] | None:
    try:
        return registry.load(broker)
    except (KeyError, ConfigError):
        return None  # reported with the config


def _check_credentials(
    settings: Settings, account: Account, environ: Mapping[str, str]
) -> Generator[Finding, None, Flow | None]:
    """The findings, and as the generator's value the flow, where it could be made."""
    prepared = accounts.prepare(settings, account, environ)
    yield from _as_findings(prepared.problems)
    for key in prepared.newlines_left_out:
        hint = "Write it with printf '%s' to be rid of this warning."
        yield Finding(key, "warning", "ends in a newline, which was left out", hint)
    refused = {problem.key for problem in prepared.problems}
    for strange in prepared.suspicions:
        if strange.key not in refused:
            yield Finding(strange.key, "warning", strange.message, strange.hint)
    if prepared.flow:
        seed = ", the TOTP seed can be read" if prepared.flow.seed else ""
        yield Finding(
            f"accounts.{account.name}.credentials",
            "ok",
            f"all {len(account.credentials)} are there{seed}",
        )
    if not account.sinks:
        hint = f"Name one, or read it with `autologin token {account.name}`."
        yield Finding(
            f"accounts.{account.name}.sinks",
            "warning",
            "no sink: the token stays in the store",
            hint,
        )
    yield from _check_endpoints(account)
    yield from _check_ways(account, environ)
    return prepared.flow


def _check_ways(account: Account, environ: Mapping[str, str]) -> Iterator[Finding]:
    """By which way the account's broker is asked, by Chromium and by httpx alike."""
    kind = registry.load(account.broker)
    try:
        ways = accounts.ways_out(account, environ)
        if issubclass(kind, BrowserFlow):
            accounts.chromium_proxy(account, ways)
    except ConfigError as error:
        yield from _as_findings(error.problems)
        return
    by_way: dict[str, list[str]] = {}
    for url in ({**kind.endpoints, **account.endpoints}).values():
        if host := urlsplit(url).hostname:
            by_way.setdefault(ways.describe(url), []).append(host)
    usual, *others = by_way or {ways.describe("https://"): []}
    others = [f"{way} to {', '.join(dict.fromkeys(by_way[way]))}" for way in others]
    yield Finding(f"accounts.{account.name}.proxy", "ok", "; ".join([usual, *others]))


def _check_endpoints(account: Account) -> Iterator[Finding]:
    for name, url in account.endpoints.items():
        host = urlsplit(url).hostname or ""
        if urlsplit(url).scheme == "http" and host != "localhost" and not host.startswith("127."):
            detail = f"what is sent to {host} (passwords, PINs, codes, tokens) travels in clear"
            yield Finding(
                f"accounts.{account.name}.endpoints.{name}",
                "warning",
                detail,
                "Use an address with https://.",
            )


def _find_flow_file(settings: Settings, kind: type[Flow]) -> Finding:
    own = (
        dict(registry.use_folder(settings.flows_dir))
        if settings.flows_dir and exists(settings.flows_dir)
        else {}
    )
    for file, digest in own.items():
        if file.stem == kind.broker:
            return Finding(f"flows.{kind.broker}", "ok", f"your own: {file}, sha256 {digest}")
    return Finding(f"flows.{kind.broker}", "ok", f"built in, evidence of {kind.evidence}")


def _find_skipped_flows(settings: Settings) -> Iterator[Finding]:
    folder = settings.flows_dir
    if folder and exists(folder) and (skipped := registry.skipped(folder)):
        detail = ", ".join(f"{file.name} ({why})" for file, why in skipped)
        hint = f"Take it out of {folder} if it is to be no flow."
        yield Finding("flows_dir", "warning", f"left out: {detail}", hint)


def _check_next_login(
    settings: Settings, account: Account, kind: type[Flow], calendar: Calendar, clock: Clock
) -> Iterator[Finding]:
    """When `serve` would log in next, and whether that is before the broker's reset."""
    times = settings.schedule_for(account)
    key = f"accounts.{account.name}.schedule"
    timetable = Timetable(account.name, times, account.segments, settings.timezone, calendar)
    window = timetable.next(clock.now())
    if window is None:
        yield Finding(
            key, "warning", "`serve` would not log in within forty days", "Correct its days."
        )
        return
    at = window.at.astimezone(settings.timezone)
    yield Finding(key, "ok", f"`serve` logs in next at {at:%Y-%m-%d %H:%M %Z}")
    if at.astimezone(IST).time() < kind.not_before:
        detail = f"at {at:%H:%M} is before {kind.title}'s daily reset: the token would die at it"
        which = "cron" if times.cron else "at"
        yield Finding(
            f"{key}.{which}", "warning", detail, f"Log in after {kind.not_before:%H:%M} IST."
        )


def _check_other_secrets(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    context = replace(settings.ref_context, environ=environ)
    for loc, reference in _secrets_beside_accounts(settings):
        try:
            found = resolve(dotted(loc), reference, context).value
            way = _describe_way_to_people(loc, found, context)
        except ConfigError as error:
            yield from _as_findings(error.problems)
        else:
            yield Finding(dotted(loc), "ok", f"it is there{way and f', and asked {way}'}")


def _describe_way_to_people(loc: Loc, address: SecretStr, context: RefContext) -> str:
    """By which way an address of `notify` is asked, without naming it; "" for any other secret.

    Raises:
        ConfigError: nobody can be told there.
    """
    if loc == ("notify", "ping"):
        return check_ping(dotted(loc), address, context)
    if loc[:2] == ("notify", "urls"):
        return check_notice_url(dotted(loc), address, context)
    if loc == ("http", "token") and not re.fullmatch(r"[!-~]+", address.get_secret_value()):
        detail = "has a character that no header can carry"
        raise ConfigError(Problem(dotted(loc), detail, "Use letters, digits and signs of ASCII."))
    return ""


def _secrets_beside_accounts(settings: Settings) -> Iterator[tuple[Loc, Secret]]:
    alone = {("http", "token"): settings.http.token, ("notify", "ping"): settings.notify.ping}
    yield from ((loc, secret) for loc, secret in alone.items() if secret)
    yield from ((("state", "keys", index), key) for index, key in enumerate(settings.state.keys))
    yield from ((("notify", "urls", index), url) for index, url in enumerate(settings.notify.urls))
    for name, sink in settings.sinks.items():
        yield from (
            (("sinks", name, *key.split(".")), secret) for key, secret in sink.secrets().items()
        )


def _check_permissions(settings: Settings) -> Iterator[Finding]:
    """Whether others can read secrets that stand in the config file itself."""
    if settings.file is None or not settings.file.stat().st_mode & 0o077:
        return
    there = [(loc, secret) for loc, secret in _secrets(settings) if not settings.origin(loc)]
    plain = [dotted(loc) for loc, secret in there if secret.kind == "plain"]
    if plain:
        detail = (
            f"others can read this file, and it holds secrets in plain text ({', '.join(plain)})"
        )
        yield Finding(str(settings.file), "warning", detail, f"chmod 600 {settings.file}")


def _secrets(settings: Settings) -> Iterator[tuple[Loc, Secret]]:
    yield from _secrets_beside_accounts(settings)
    for account in settings.accounts.values():
        kind = _flow_class(account.broker)
        for key, secret in account.credentials.items():
            if kind is None or accounts.is_secret(kind, key):
                yield ("accounts", account.name, "credentials", key), secret
        if account.proxy and "@" in account.proxy.target.get_secret_value():
            yield ("accounts", account.name, "proxy"), account.proxy


def _check_calendar(settings: Settings, clock: Clock) -> Generator[Finding, None, Calendar | None]:
    """The user's own trading days, and whether the calendar ends before somebody looks again.

    Returns the calendar.
    """
    try:
        calendar = load_calendar(settings.calendar.override)
    except ConfigError as error:
        yield from _as_findings(error.problems)
        return None
    good_until = calendar.good_until
    detail = f"knows the trading days until {good_until}"
    if clock.now().astimezone(IST).date() + CALENDAR_AHEAD > good_until:
        detail += "; after that a login is made on every day, with a warning"
        yield Finding(
            "calendar",
            "warning",
            detail,
            "Update autologin, or give the days yourself in calendar.override.",
        )
    else:
        yield Finding("calendar", "ok", detail)
    return calendar


def _check_state(settings: Settings) -> Finding:
    folder = settings.state.path
    try:
        files.probe(folder, NEW_STORE)
    except OSError as error:
        return _as_findings([unusable(folder, error.strerror or "")])[0]
    except ValueError:  # a NUL in it
        return _as_findings([unusable(folder, "it is no path")])[0]
    warning = _find_wide(folder)
    return (
        _check_store(settings) or warning or Finding("state.path", "ok", f"{folder} can be written")
    )


def _find_wide(folder: Path) -> Finding | None:
    """Rights of others that the next run takes away."""
    try:
        if not folder.exists() or not (wide := [*find_wide(folder)]):
            return None
    except OSError:
        return None  # told of the store itself
    detail = f"others have rights on {wide[0][0]}, which autologin takes away"
    return Finding("state.path", "warning", detail, f"chmod -R go= {folder}")


def _check_store(settings: Settings) -> Finding | None:
    """What stands against the store that is there, or against the keys that are to seal it."""
    folder = settings.state.path
    try:
        keys = accounts.state_keys(settings)
        find = find_problem if exists(folder) else find_shared_parent
        if problem := find(folder):
            return _as_findings([problem])[0]
        if not exists(folder / FILE, Path.is_file):
            if keys:
                Encryption.with_keys(keys)
        elif keys or exists(folder / KEY_FILE, Path.is_file):
            Store.open(folder, SystemClock(), keys).close()
        else:  # opening it would make a key, which opens nothing
            return Finding(
                "state.path", "problem", "The key that sealed the store is not there", KEY_GONE
            )
    except ConfigError as error:
        return _as_findings(error.problems)[0]
    except AutologinError as error:
        return Finding("state.path", "problem", error.detail, error.hint)
    except OSError as error:
        return _as_findings([unusable(folder, error.strerror or "")])[0]
    return None


def _find_browser(settings: Settings) -> Finding:
    try:
        found = browser.find(settings.browser, headless=True)
    except ConfigError as error:
        return _as_findings(error.problems)[0]
    if not os.access(found, os.X_OK):
        detail = f"{found} is not a program that this user may start"
        return Finding("browser", "problem", detail, "Set browser.executable.")
    if fault := find_fault(settings.ref_context.environ):
        detail = f"Playwright's driver, which starts it, does not start ({fault.detail})"
        return Finding("browser", "problem", detail, fault.hint)
    return Finding("browser", "ok", str(found))


async def _check_sinks(settings: Settings) -> list[Finding]:
    return list(await asyncio.gather(*(_check_sink(settings, name) for name in settings.sinks)))


async def _check_sink(settings: Settings, name: str) -> Finding:
    try:
        build = settings.sinks[name].build
        sink = await follow(lambda: build(name, settings.ref_context))
        try:
            await sink.check()
            way = getattr(sink, "way_out", "")  # of those that are asked over the network
        finally:
            await sink.close()
    except ConfigError as error:
        return _as_findings(error.problems)[0]
    except AutologinError as error:
        blamed = getattr(error, "key", "")
        key = f"sinks.{name}.{blamed}" if blamed else f"sinks.{name}"
        return Finding(key, "problem", error.detail, error.hint)
    return Finding(f"sinks.{name}", "ok", f"a token would arrive{way and f', {way}'}")


def _find_tokens(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Whether sinks still hold the tokens that they were given."""
    folder = settings.state.path
    try:
        keys = accounts.state_keys(settings)
        if not exists(folder / FILE, Path.is_file):
            return
        if not keys and not exists(folder / KEY_FILE, Path.is_file):
            return  # opening the store would make a key
        with closing(Store.open(folder, clock, keys)) as store:
            asyncio.run(_look_at_sinks(settings, store, clock))
            for status in read_statuses(settings, store, clock):
                yield from _describe_tokens(status)
    except AutologinError:
        return  # told of the store itself


async def _look_at_sinks(settings: Settings, store: Store, clock: Clock) -> None:
    dispatcher = Dispatcher(settings.sinks, settings.ref_context, store, clock)
    try:
        for account in settings.accounts.values():
            await dispatcher.look(account.name, account.broker, account.sinks, deliver=False)
    finally:
        await dispatcher.close()


def _describe_tokens(status: Status) -> Iterator[Finding]:
    for delivery in status.owed if status.state == "valid" else ():
        if delivery.found and delivery.outcome == "delivered":
            level: Level = "ok" if delivery.found in {"present", "taken"} else "warning"
            words = f"{delivery.sink} {describe_delivery(delivery)}"
            yield Finding(f"accounts.{status.account}.sinks", level, words)


def _check_clock(account: Account, flow: Flow, environ: Mapping[str, str], clock: Clock) -> Finding:
    """How far this machine's clock is from the broker's, by the `Date` of any answer at all."""
    import httpx  # noqa: PLC0415  (100 ms that an offline check does not need)

    name, url = next(iter(flow.urls.items()))
    key = f"accounts.{account.name}.endpoints.{name}"
    before = clock.now()
    try:
        proxy = accounts.ways_out(account, environ).proxy_for(url)
        by_way = proxy.url if proxy else None
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False, proxy=by_way) as client:
            answer = client.head(url)
        skew = _skew(answer.headers["date"], before, clock.now())
    except ConfigError as error:
        return _as_findings(error.problems)[0]
    except (KeyError, ValueError):
        hint = "Check that this machine's clock is set (NTP)."
        return Finding(key, "warning", f"{url} answers, but does not tell the time", hint)
    except Exception as error:  # noqa: BLE001  (httpx, ssl, socks and idna each have errors of their own; each means the same)
        detail = f"{NO_ANSWER} {url} ({type(error).__name__})"
        hint = "Check the network, the address, and the account's proxy if it has one."
        return Finding(key, "problem", detail, hint)
    if abs(skew) < SKEW_WARNED:
        return Finding(key, "ok", f"{url} answers, and the clocks agree")
    direction = "ahead of" if skew > 0 else "behind"
    detail = f"{url} answers; its clock is {abs(skew):.0f} s {direction} this machine's"
    hint = "Set this machine's clock (NTP): one-time passwords depend on it."
    return Finding(key, "problem" if abs(skew) >= SKEW_REFUSED else "warning", detail, hint)


def _skew(date: str, before: datetime, after: datetime) -> float:
    """The broker's clock minus ours in seconds.

    A `Date` is cut to whole seconds: half of one is the best guess.
    """
    theirs = parsedate_to_datetime(date) + timedelta(seconds=0.5)
    return (theirs - (before + (after - before) / 2)).total_seconds()
