"""The shape of the config: every key with its type and its default.

What a value may be is said here and nowhere else.
"""

# No `from __future__ import annotations`: pydantic reads these annotations at import.

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from autologin.clock import IST
from autologin.config.fields import (
    Command,
    Count,
    Cron,
    Days,
    Duration,
    HeaderText,
    Host,
    Jitter,
    Line,
    Listen,
    Name,
    NullIsEmpty,
    NullIsNoList,
    TimeOfDay,
    Url,
    Zone,
    empty_if_null,
    parse_switch,
)
from autologin.config.overrides import Overlay, Override, origin_of
from autologin.config.pages import ButtonText, Css, Pattern
from autologin.config.yaml_file import STATE_FOLDER
from autologin.delivery.sinks.base import SinkField
from autologin.errors import ConfigError, Problem
from autologin.problems import Loc, did_you_mean, refuse
from autologin.secret_refs import RefContext, SecretField, UnreadableError, check_path


@dataclass(frozen=True)
class LoadContext:
    """Where a config comes from.

    Its validators know it, so that settings are complete once they are valid.
    """

    ref_context: RefContext
    file: Path | None
    """None where the environment alone is the config."""
    overrides: Mapping[Loc, Override]


LOADING: ContextVar[LoadContext | None] = ContextVar("loading", default=None)
"""The context of the settings that are being made: pydantic-settings hands none to its
validators."""


def _absolute(path: Path) -> Path:
    context = LOADING.get()
    try:
        return context.ref_context.path(str(path)) if context else path
    except UnreadableError as error:
        refuse(error.detail, error.hint)


def _check_path(value: Any) -> Any:
    return check_path(str(value)) if isinstance(value, str | Path) else value


def _absolute_executable(text: str) -> str:
    return str(_absolute(Path(text))) if "/" in text else text


ConfigPath = Annotated[Path, BeforeValidator(_check_path), AfterValidator(_absolute)]
"""A path: `~` is the user's home, and a relative one starts at the config's folder."""


class Section(BaseModel):
    """A part of the config. A heading with nothing below it means the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, value: Any) -> Any:
        return empty_if_null(value)


class State(Section):
    """Where the store and the failure bundles are, and the keys that seal what is in them (none.

    A generated one).
    """

    path: ConfigPath = Field(default=Path(STATE_FOLDER), validate_default=True)
    keys: Annotated[list[SecretField], NullIsNoList] = []


class BrowserSettings(Section):
    """Which Chromium, and how. `executable` is a path or the name of a command; None finds one."""

    executable: (
        Annotated[str, AfterValidator(check_path), AfterValidator(_absolute_executable)] | None
    ) = None
    channel: Line | None = None
    user_agent: HeaderText | None = None
    sandbox: Annotated[Literal["auto", "on", "off"], BeforeValidator(parse_switch)] = "auto"


class Schedule(Section):
    """When an account logs in. `days` is trading, weekdays, daily, or names such as mon,tue.

    `cron` is an expression that stands for both `at` and `days`. `jitter` is in seconds: a login
    comes up to so much later.
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

    listen: Listen = "127.0.0.1:8321"
    token: SecretField | None = None


class CalendarFile(Section):
    """The trading calendar.

    `override` is a file of the user's own days; docs/calendar.md shows one.
    """

    override: ConfigPath | None = None


class Watch(Section):
    """Asking the broker through the day whether the token lives. Times are in seconds."""

    verify_every: Duration = 600.0
    relogin: bool = False
    max_per_day: Count = 3


class Notify(Section):
    """Who is told. Addresses hold their own passwords, so they are secrets."""

    urls: Annotated[list[SecretField], NullIsNoList] = []
    command: Command | None = None
    ping: SecretField | None = None


class PageFields(Section):
    """A CSS selector for each field that the flow does not find, or finds wrongly."""

    user_id: Css | None = None
    password: Css | None = None
    otp: Css | None = None


class PagePhrases(Section):
    """Patterns for what the page says, by the name of the error that is meant."""

    account_locked: Pattern | None = None
    credentials_rejected: Pattern | None = None
    otp_rejected: Pattern | None = None
    otp_not_available: Pattern | None = None
    consent_required: Pattern | None = None
    captcha_required: Pattern | None = None
    broker_unavailable: Pattern | None = None
    page_changed: Pattern | None = None


class Pages(Section):
    """What a user says of the broker's pages.

    `press` is the CSS selector of the button that sends, `dismiss` are the words of buttons that
    put a notice off.
    """

    fields: PageFields = PageFields()
    press: Css | None = None
    phrases: PagePhrases = PagePhrases()
    dismiss: Annotated[list[ButtonText], NullIsNoList] = []


class Account(Section):
    """One login of one person at one broker."""

    broker: str = Field(description="a broker that `autologin flows` lists")
    credentials: Annotated[dict[str, SecretField], NullIsEmpty] = {}
    sinks: Annotated[list[str], NullIsNoList] = []
    endpoints: Annotated[dict[str, Url], NullIsEmpty] = {}
    login_hosts: Annotated[list[Host], NullIsNoList] = []
    proxy: SecretField | None = None
    segments: Annotated[list[Literal["equity", "currency", "commodity"]], NullIsNoList] = ["equity"]
    authorize: bool = True
    refresh: bool = False
    options: Annotated[dict[str, Any], NullIsEmpty] = {}
    pages: Pages = Pages()
    schedule: AccountSchedule = AccountSchedule()
    timeout: Duration | None = None

    _name: str = PrivateAttr(default="")
    _ref_context: RefContext = PrivateAttr(default=RefContext(Path(), {}))

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    @property
    def ref_context(self) -> RefContext:
        """Where its references are followed from."""
        return self._ref_context

    def bind(self, name: str, ref_context: RefContext) -> None:
        """Tell the account its name, and where its references are followed from."""
        self._name = name
        self._ref_context = ref_context


class Settings(BaseSettings):
    """The whole config. `autologin.config.loader.load` makes it."""

    model_config = SettingsConfigDict(
        extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    timezone: Zone = IST
    state: State = State()
    browser: BrowserSettings = BrowserSettings()
    flows_dir: ConfigPath | None = None
    schedule: Schedule = Schedule()
    calendar: CalendarFile = CalendarFile()
    sinks: Annotated[dict[Name, SinkField], NullIsEmpty] = {}
    accounts: Annotated[dict[Name, Account], NullIsEmpty] = {}
    concurrency: Count = 2
    stop_timeout: Duration = 30.0
    http: Http = Http()
    watch: Watch = Watch()
    notify: Notify = Notify()

    _source: LoadContext = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _add_state(cls, values: Any) -> Any:
        """The state folder's default starts at the user's home, which only validation knows."""
        return {"state": {}, **values} if isinstance(values, dict) else values

    def __init__(self, overlay: Overlay, context: LoadContext) -> None:
        token = LOADING.set(context)
        try:
            super().__init__(source=overlay)
        finally:
            LOADING.reset(token)
        self._source = context
        self._bind_parts(context)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only our overlay.

        The process's environment is never looked at behind the loader's back.
        """
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings()["source"],)

    def _bind_parts(self, context: LoadContext) -> None:
        """Tell the parts what they need to know of the whole."""
        for name, account in self.accounts.items():
            account.bind(name, context.ref_context)
        for name, sink in self.sinks.items():
            users = {
                account.name: account.broker
                for account in self.accounts.values()
                if name in account.sinks
            }
            try:
                absolute = sink.with_absolute_paths(context.ref_context)
            except UnreadableError as error:
                problem = Problem(f"sinks.{name}.{sink.place_key}", error.detail, error.hint)
                raise ConfigError(problem) from None
            self.sinks[name] = absolute.with_accounts(users)

    @property
    def file(self) -> Path | None:
        """The config file; None where the environment alone is the config."""
        return self._source.file

    @property
    def ref_context(self) -> RefContext:
        """Where references are followed from."""
        return self._source.ref_context

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return self._source.ref_context.folder

    def origin(self, loc: Loc) -> str | None:
        """The variable or file that a value comes from; None for the config file."""
        return origin_of(self._source.overrides, loc)

    def newline_left_out(self, loc: Loc) -> bool:
        """Whether a value came from a file outside the config that ended in a newline."""
        override = self._source.overrides.get(loc)
        return override is not None and override.newline_left_out

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
                Problem(
                    "accounts",
                    f'the broker "{name}" has {len(of_broker)} accounts',
                    f"Name one of: {names}.",
                )
            )
        known = {*self.accounts, *(account.broker for account in self.accounts.values())}
        raise ConfigError(
            Problem("accounts", f'there is no account "{name}"', did_you_mean(name, known))
        )

    def schedule_for(self, account: Account) -> Schedule:
        """When this account logs in."""
        return self.schedule.model_copy(update=account.schedule.model_dump(exclude_none=True))
