"""The shape of the config: every key with its type and its default. What a value may be is said here and nowhere else."""

# No `from __future__ import annotations`: pydantic reads these annotations when the module is imported.

import importlib
import re
import zoneinfo
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from autologin.config.overrides import Given
from autologin.config.yaml_file import STATE_FOLDER
from autologin.delivery.sinks.base import SinkField
from autologin.errors import ConfigError, Problem
from autologin.problems import Loc, did_you_mean, refuse
from autologin.secret_refs import Place, SecretField

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_NAME = 64
"""Names stand in file names, which have room for 255 bytes, and in tables."""
UNITS = {"s": 1, "m": 60, "h": 3600}


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        refuse("is not a usable name", "Use letters, digits, '.', '_' and '-', starting with a letter or a digit.")
    if len(text) > LONGEST_NAME:
        refuse(f"is a name of {len(text)} characters", f"Use at most {LONGEST_NAME}.")
    return text


def _seconds(value: Any) -> Any:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(value)) if not isinstance(value, bool) else None
    seconds = float(found[1]) * UNITS.get(found[2], 1) if found else 0.0
    if seconds <= 0:
        refuse("must be a length of time", "Write seconds (90), or a number with s, m or h (10m).")
    return seconds


def _time_of_day(value: Any) -> time:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if found is None:
        refuse("must be a time of day", 'Write it in quotes, as "08:15".')
    return time(int(found[1]), int(found[2]))


def _days(value: Any) -> str:
    words = value if isinstance(value, list) else str(value).replace(" ", "").split(",")
    for word in words:
        if word not in DAYS and (word not in {"trading", "weekdays", "daily"} or len(words) > 1):
            refuse("is not a rule for days", "Write trading, weekdays, daily, or days such as mon,tue,fri.")
    return ",".join(words)


def _cron(text: str) -> str:
    # The reckoning of times is heavy, and only whoever writes an expression pays for it.
    try:
        return str(importlib.import_module("autologin.service.schedule").cron(text))
    except (ValueError, TypeError) as error:
        return refuse(f"is no cron expression: {error}", 'Such as "15 8 * * 1-5": minute, hour, day, month, weekday.')


def _jitter(value: Any) -> Any:
    return 0.0 if value in (0, "0", "0s") and not isinstance(value, bool) else _seconds(value)


def _switch(value: Any) -> Any:
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _count(value: Any) -> Any:
    return refuse("must be a whole number") if isinstance(value, bool) else value


def _zone(value: Any) -> Any:
    try:
        return zoneinfo.ZoneInfo(value)
    except (ValueError, TypeError, OSError, KeyError):
        refuse("is not a known time zone", did_you_mean(str(value), zoneinfo.available_timezones()))


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        refuse("must be an address", "Write it as https://host or https://host/path, without a query.")
    return text


def _listen(text: str) -> str:
    port = re.fullmatch(r"\S+:(\d{1,5})", text)
    if port is None or int(port[1]) > 65535:
        refuse("must be an address and a port", 'Write it as "127.0.0.1:8321".')
    return text


def _empty_if_null(value: Any) -> Any:
    return {} if value is None else value


def _list_if_null(value: Any) -> Any:
    return [] if value is None else value


Name = Annotated[str, AfterValidator(_name)]
Duration = Annotated[float, BeforeValidator(_seconds)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Cron = Annotated[str, AfterValidator(_cron)]
Jitter = Annotated[float, BeforeValidator(_jitter)]
Days = Annotated[str, BeforeValidator(_days)]
Count = Annotated[int, BeforeValidator(_count), Field(ge=1)]
Url = Annotated[str, AfterValidator(_url)]
NullIsEmpty = BeforeValidator(_empty_if_null)
NullIsNoList = BeforeValidator(_list_if_null)


def origin_of(origins: Mapping[Loc, Given], loc: Loc) -> str | None:
    """The variable or file that sets a value or the whole that it is a part of; None for the config file."""
    return next((origins[loc[:end]].origin for end in range(len(loc), 0, -1) if loc[:end] in origins), None)


class Section(BaseModel):
    """A part of the config. A heading with nothing below it means the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, value: Any) -> Any:
        return _empty_if_null(value)


class State(Section):
    """Where the store and the failure bundles are, and the keys that seal what is in them (none: a generated one)."""

    path: Path = Path(STATE_FOLDER)
    keys: Annotated[list[SecretField], NullIsNoList] = []


class BrowserSettings(Section):
    """Which Chromium, and how. `executable` is a path or the name of a command; None finds one."""

    executable: str | None = None
    channel: str | None = None
    user_agent: str | None = None
    sandbox: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = "auto"


class Schedule(Section):
    """When an account logs in. `days` is trading, weekdays, daily, or names such as mon,tue.

    `cron` is an expression that stands for both `at` and `days`. `jitter` is in seconds: a login comes up to so much later.
    """

    at: TimeOfDay = time(8, 15)
    days: Days = "trading"
    cron: Cron | None = None
    ready_by: TimeOfDay = time(9, 0)
    jitter: Jitter = 0.0


class AccountSchedule(Section):
    """What an account does at another time than the others; None takes the common value."""

    at: TimeOfDay | None = None
    days: Days | None = None
    cron: Cron | None = None
    ready_by: TimeOfDay | None = None
    jitter: Jitter | None = None


class Http(Section):
    """Health, metrics and the status page."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8321"
    token: SecretField | None = None


class CalendarFile(Section):
    """The trading calendar. `override` is a file of the user's own days; docs/calendar.md shows one."""

    override: Path | None = None


class Watch(Section):
    """Asking the broker through the day whether the token lives. Times are in seconds."""

    verify_every: Duration = 600.0
    relogin: bool = False
    max_per_day: Count = 3


class Notify(Section):
    """Who is told. Addresses hold their own passwords, so they are secrets."""

    urls: Annotated[list[SecretField], NullIsNoList] = []
    command: str | None = None
    ping: SecretField | None = None


class Account(Section):
    """One login of one person at one broker."""

    broker: str = Field(description="a broker that `autologin flows` lists")
    credentials: Annotated[dict[str, SecretField], NullIsEmpty] = {}
    sinks: Annotated[list[str], NullIsNoList] = []
    endpoints: Annotated[dict[str, Url], NullIsEmpty] = {}
    proxy: SecretField | None = None
    segments: Annotated[list[Literal["equity", "currency", "commodity"]], NullIsNoList] = ["equity"]
    authorize: bool = True
    refresh: bool = False
    options: Annotated[dict[str, Any], NullIsEmpty] = {}
    schedule: AccountSchedule = AccountSchedule()
    timeout: Duration | None = None

    _name: str = PrivateAttr(default="")
    _place: Place = PrivateAttr(default=Place(Path(), {}))

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    @property
    def place(self) -> Place:
        """Where its references are followed from."""
        return self._place

    def placed(self, name: str, place: Place) -> None:
        """Tell the account its name, and where its references are followed from."""
        self._name, self._place = name, place


class Settings(BaseSettings):
    """The whole config. `autologin.config.loader.load` makes it."""

    model_config = SettingsConfigDict(extra="forbid", hide_input_in_errors=True, validate_default=False)

    timezone: Annotated[zoneinfo.ZoneInfo, BeforeValidator(_zone)] = zoneinfo.ZoneInfo("Asia/Kolkata")
    state: State = State()
    browser: BrowserSettings = BrowserSettings()
    flows_dir: Path | None = None
    schedule: Schedule = Schedule()
    calendar: CalendarFile = CalendarFile()
    sinks: Annotated[dict[Name, SinkField], NullIsEmpty] = {}
    accounts: Annotated[dict[Name, Account], NullIsEmpty] = {}
    concurrency: Count = 2
    stop_timeout: Duration = 30.0
    http: Http = Http()
    watch: Watch = Watch()
    notify: Notify = Notify()

    _file: Path | None = PrivateAttr(default=None)
    _place: Place = PrivateAttr(default=Place(Path(), {}))
    _origins: Mapping[Loc, Given] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the source that `load` hands in: the process's environment is never looked at behind its back."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings().get("source", init_settings),)

    def placed(self, file: Path | None, place: Place, origins: Mapping[Loc, Given]) -> None:
        """Tell the settings where they come from; paths become absolute."""
        self._file, self._place, self._origins = file, place, origins
        self.state = self.state.model_copy(update={"path": place.path(str(self.state.path))})
        self.flows_dir = self.flows_dir and place.path(str(self.flows_dir))
        if self.calendar.override:
            self.calendar = CalendarFile(override=place.path(str(self.calendar.override)))
        if self.browser.executable and "/" in self.browser.executable:
            executable = str(place.path(self.browser.executable))
            self.browser = self.browser.model_copy(update={"executable": executable})
        self.sinks = {name: sink.anchored(place).used_by(self._users(name)) for name, sink in self.sinks.items()}
        for name, account in self.accounts.items():
            account.placed(name, place)

    def _users(self, sink: str) -> dict[str, str]:
        return {name: account.broker for name, account in self.accounts.items() if sink in account.sinks}

    @property
    def file(self) -> Path | None:
        """The config file; None where the environment alone is the config."""
        return self._file

    @property
    def place(self) -> Place:
        """Where references are followed from."""
        return self._place

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return self._place.folder

    def origin(self, loc: Loc) -> str | None:
        """The variable or file that a value comes from; None for the config file."""
        return origin_of(self._origins, loc)

    def newline_left_out(self, loc: Loc) -> bool:
        """Whether a value came from a file outside the config that ended in a newline."""
        return loc in self._origins and self._origins[loc].newline_left_out

    def account(self, name: str) -> Account:
        """The account of this name, or the one account at the broker of this name.

        Raises:
            ConfigError: there is none, or the broker has several.
        """
        if name in self.accounts:
            return self.accounts[name]
        of_broker = [account for account in self.accounts.values() if account.broker == name]
        if len(of_broker) == 1:
            return of_broker[0]
        if of_broker:
            names = ", ".join(account.name for account in of_broker)
            raise ConfigError(
                Problem("accounts", f'the broker "{name}" has {len(of_broker)} accounts', f"Name one of: {names}.")
            )
        known = {*self.accounts, *(account.broker for account in self.accounts.values())}
        raise ConfigError(Problem("accounts", f'there is no account "{name}"', did_you_mean(name, known)))

    def schedule_for(self, account: Account) -> Schedule:
        """When this account logs in."""
        return self.schedule.model_copy(update=account.schedule.model_dump(exclude_none=True))
