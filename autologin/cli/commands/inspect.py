"""`autologin inspect`: what a login would fill and press on a page, without doing it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from autologin import files, proxies
from autologin.cli import completion
from autologin.cli.base import Command, as_json, config_file
from autologin.cli.context import load_settings
from autologin.cli.errors import as_text
from autologin.cli.process import configure_log, run_async
from autologin.clock import SystemClock
from autologin.config import accounts, loader, withheld, yaml_file
from autologin.config.schema import BrowserSettings
from autologin.errors import AutologinError, ConfigError, Problem
from autologin.flow import registry, samples
from autologin.flow.base import BrowserFlow
from autologin.login.browser import Driver
from autologin.login.inspection import ENTER, suggest
from autologin.login.pages import FieldName, script_of
from autologin.login.snapshot import ButtonElement
from autologin.login.viewer import View, Viewer, Way
from autologin.proxies import ForChromium
from autologin.quoting import STEERING

if TYPE_CHECKING:
    from autologin.config.schema import Account, Settings
    from autologin.login.snapshot import InputElement

PICTURES = "inspections"
"""The folder of pictures in the state folder, one for each account."""
FIELD_NAMES = get_args(FieldName)


class Urls(Command):
    """A command whose `--url` may be followed by several addresses."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat `--url` before each of them."""
        valued = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        spread: list[str] = []
        taking = False
        for before, word in zip(["", *args], args, strict=False):
            taking = taking or word.partition("=")[0] == "--url"
            if taking and word == "--":
                continue
            if taking and before not in valued and not word.startswith("-"):
                spread.append("--url")
            spread.append(word)
        return super().parse_args(ctx, spread)


@click.command(cls=Urls)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=completion.accounts)
@click.option("--url", "urls", multiple=True, metavar="URL...", help="Any pages, in place of NAME.")
@click.option(
    "--broker",
    default="oauth2",
    show_default=True,
    shell_complete=completion.brokers,
    help="By whose flow the pages of --url are looked at.",
)
@click.option(
    "--after",
    type=click.Choice(FIELD_NAMES),
    help="The page is the one that comes after this field.",
)
@click.option("--no-scripts", is_flag=True, help="Load the page alone, without its scripts.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the picture goes, a PNG.",
)
@as_json
@click.pass_context
def inspect(
    ctx: click.Context,
    name: str | None,
    urls: tuple[str, ...],
    *,
    broker: str,
    after: FieldName | None,
    no_scripts: bool,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Show what a login would fill and press.

    It types nothing and presses nothing. NAME is an account, or a broker with exactly one account.

    \b
    autologin inspect zerodha                        its login page, in words and as a picture
    autologin inspect --url https://... --json       any page; several may follow --url
    """  # noqa: D301  (click wants the character)
    if bool(name) == bool(urls):
        detail = "both NAME and --url were given" if name else "no page is named"
        raise ConfigError(Problem("NAME", detail, "Name an account, or give addresses by --url."))
    if picture and len(urls) > 1:
        detail = f"is one picture, and {len(urls)} pages are named"
        raise ConfigError(Problem("--picture", detail, "Name one page, or leave --picture out."))
    configure_log(ctx)
    if name:
        settings = load_settings(ctx)
        account = settings.account(name)
        if picture is None and not as_json:
            picture = settings.state.path / PICTURES / f"{account.name}.png"
        views = run_async(_view_account(settings, account, after, picture, scripts=not no_scripts))
    else:
        views = run_async(_view_pages(ctx, broker, urls, after, picture, scripts=not no_scripts))
    if as_json:
        click.echo(as_text([as_data(view) for view in views]))
    else:
        for view in views:
            click.echo("\n".join(describe(view, account.name if name else "NAME")))
    _save(views[0], picture)


async def _view_account(
    settings: Settings,
    account: Account,
    after: FieldName | None,
    picture: Path | None,
    *,
    scripts: bool,
) -> list[View]:
    flow = accounts.load_for_looking(settings, account)
    proxy = accounts.chromium_proxy(account, accounts.ways_out(account))
    script = script_of(flow, account, samples.sample_otp() if flow.seed else None)
    driver = Driver(partial(withheld.for_browser, settings))
    try:
        viewer = Viewer(driver, settings.browser, proxy, SystemClock())
        way = Way(script, after, scripts=scripts, picture=picture is not None)
        return [await viewer.view_login(flow, account.login_hosts, way)]
    finally:
        await driver.stop()


async def _view_pages(
    ctx: click.Context,
    broker: str,
    urls: Sequence[str],
    after: FieldName | None,
    picture: Path | None,
    *,
    scripts: bool,
) -> list[View]:
    has_config = yaml_file.find(config_file(ctx), loader.environment())
    settings = load_settings(ctx) if has_config else None
    script = _sample_flow(broker, urls[0]).login_script(samples.sample_otp())
    proxy = _ways()
    driver = Driver(partial(withheld.for_browser, settings)) if settings else Driver()
    try:
        known = settings.browser if settings else BrowserSettings()
        viewer = Viewer(driver, known, proxy, SystemClock())
        way = Way(script, after, scripts=scripts, picture=picture is not None)
        return await viewer.view(urls, way)
    finally:
        await driver.stop()


def _ways() -> ForChromium:
    """By which way pages are asked that are no account's."""
    try:
        return proxies.for_chromium(proxies.of_environment(loader.environment()), "HTTPS_PROXY")
    except proxies.ProxyError as error:
        raise ConfigError(Problem(error.key, error.detail, error.hint)) from None


def _sample_flow(broker: str, url: str) -> BrowserFlow:
    """The flow of a broker, for no account.

    Raises:
        ConfigError: there is none, or it has no login page.
    """
    try:
        kind = registry.load(broker)
    except KeyError:
        hint = "`autologin flows` lists them."
        raise ConfigError(Problem("--broker", f'"{broker}" is not a known broker', hint)) from None
    if not issubclass(kind, BrowserFlow):
        detail = f"{kind.title} has no login page: it logs in over its API"
        raise ConfigError(Problem("--broker", detail, "Name a broker that has one."))
    every = set(kind.credentials_class.model_fields)
    credentials = samples.fill_in(kind.credentials_class, {}, every)
    return kind(credentials, dict.fromkeys(kind.needs_endpoints, url))


def _save(view: View, picture: Path | None) -> None:
    """Keep the picture, and say where."""
    if picture is None:
        return
    if view.picture is None:
        if view.verdict:
            click.echo("There is no picture: the page did not let itself be drawn.", err=True)
        return
    try:
        files.replace(picture, view.picture)
    except OSError as error:
        detail = f"The picture cannot be written to {picture} ({error.strerror})"
        raise AutologinError(detail, hint="Name another file with --picture.") from None
    click.echo(f"The picture is in {picture}.", err=True)


def describe(view: View, account: str) -> Iterator[str]:
    """A view in words; `account` is what the lines to paste are for."""
    yield plain(view.url)
    verdict = view.verdict
    if verdict is None:
        yield f"    error     {plain(view.error)}"
        return
    yield f"    page      {plain(verdict.page)}"
    for one in verdict.fields:
        where = "  ".join(_selector(element) for element in one.elements)
        yield f"    {one.name:<9} {where}  ({plain(one.why)})"
    for tick in verdict.ticks:
        yield f'    tick      {_selector(tick)}  "{plain(tick.name)}"'
    press = verdict.press
    if press == ENTER:
        yield "    press     the Enter key"
    elif press is not None:
        yield f'    press     {_selector(press)}  "{plain(press.name)}"'
    if verdict.looks_again:
        yield "    then      look again: what comes next is on the page that is there then"
    if verdict.refused:
        yield f"    refused   {verdict.refused.name}: {plain(verdict.refused.detail)}"
    for number, element in enumerate(verdict.left, 1):
        words = f'  "{plain(element.words)}"' if element.words else ""
        yield f"    box {number:<5} {_selector(element)}  ({element.type}){words}"
    if lines := suggest(verdict):
        yield "    To say yourself what the fields are, paste this into the config and correct it:"
        yield from _as_yaml(account, lines)


def _as_yaml(account: str, lines: Mapping[str, str]) -> Iterator[str]:
    yield from ("accounts:", f"  {account}:", "    pages:")
    fields = {name: css for name, css in lines.items() if name in FIELD_NAMES}
    if fields:
        yield "      fields:"
    for name, css in fields.items():
        yield f"        {name}: {json.dumps(css, ensure_ascii=False)}"
    if "press" in lines:
        yield f"      press: {json.dumps(lines['press'], ensure_ascii=False)}"


def _selector(element: InputElement | ButtonElement) -> str:
    frame = f" in the frame {element.frame}" if element.frame else ""
    return plain((element.path or f"{element.tag} (no selector reaches it)") + frame)


def plain(text: str) -> str:
    """What a page says, without signs that steer a terminal."""
    return re.sub(STEERING, " ", text)


def as_data(view: View) -> dict[str, Any]:
    """A view as the JSON that programs rely on."""
    verdict = view.verdict
    if verdict is None:
        return {"url": view.url, "error": view.error}
    fields = [
        {
            "field": one.name,
            "elements": [_element(element) for element in one.elements],
            "why": one.why,
        }
        for one in verdict.fields
    ]
    press: Any = verdict.press
    if press is not None and press != ENTER:
        press = {**_element(press), "words": press.name}
    refused = verdict.refused and f"{verdict.refused.name}: {verdict.refused.detail}"
    return {
        "url": view.url,
        "page": verdict.page,
        "fields": fields,
        "press": press,
        "refused": refused,
    }


def _element(element: InputElement | ButtonElement) -> Mapping[str, str | None]:
    name = element.kind if isinstance(element, ButtonElement) else element.name
    return {
        "tag": element.tag,
        "id": element.id,
        "name": name,
        "css": element.path,
        "frame": element.frame or None,
    }
