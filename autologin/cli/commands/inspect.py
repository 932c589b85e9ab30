"""`autologin inspect`: what a login would fill and press on a page, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from autologin import proxies
from autologin.cli import completion
from autologin.cli.base import Command, as_json, config_file
from autologin.cli.context import load_settings
from autologin.cli.errors import as_text
from autologin.cli.process import configure_log, run_async
from autologin.clock import SystemClock
from autologin.config import loader, yaml_file
from autologin.config.schema import BrowserSettings
from autologin.errors import ConfigError, Problem
from autologin.flow import registry, samples
from autologin.flow.base import BrowserFlow, Flow
from autologin.login.browser import Driver
from autologin.login.inspection import ENTER
from autologin.login.pages import FieldName
from autologin.login.snapshot import ButtonElement
from autologin.login.viewer import View, Viewer, Way
from autologin.proxies import ForChromium

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from autologin.login.snapshot import InputElement


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
    help="By whose flow pages of --url are looked at.",
)
@click.option(
    "--after",
    type=click.Choice(get_args(FieldName)),
    help="The page is the one that comes after this field.",
)
@click.option(
    "--no-scripts", is_flag=True, help="Load the page alone, and run none of its scripts."
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
    as_json: bool,
) -> None:
    """Show what a login would fill and press.

    It types nothing and presses nothing.

    NAME is an account, or a broker with exactly one account.
    """
    configure_log(ctx)
    if bool(name) == bool(urls):
        detail = "both NAME and --url were given" if name else "no page is named"
        raise ConfigError(Problem("NAME", detail, "Name an account, or give addresses by --url."))
    has_config = yaml_file.find(config_file(ctx), loader.environment())
    settings = load_settings(ctx).browser if has_config else BrowserSettings()
    flow = sample_flow(broker, urls)
    way = Way(flow.login_script(samples.sample_otp()), after, scripts=not no_scripts)
    views = run_async(_view(settings, urls, way))
    if as_json:
        click.echo(as_text([as_data(view) for view in views]))
        return
    for view in views:
        for line in describe(view):
            click.echo(line)


async def _view(settings: BrowserSettings, urls: Sequence[str], way: Way) -> list[View]:
    driver = Driver()
    proxy = _ways()
    try:
        return await Viewer(driver, settings, proxy, SystemClock()).view(urls, way)
    finally:
        await driver.stop()


def _ways() -> ForChromium:
    """By which way pages are asked that are no account's."""
    try:
        return proxies.for_chromium(proxies.of_environment(loader.environment()), "HTTPS_PROXY")
    except proxies.ProxyError as error:
        raise ConfigError(Problem(error.key, error.detail, error.hint)) from None


def sample_flow(broker: str, urls: Sequence[str]) -> BrowserFlow:
    """The flow of a broker, for no account.

    Raises:
        ConfigError: there is none, or it has no login page.
    """
    try:
        kind: type[Flow] = registry.load(broker)
    except KeyError:
        hint = "`autologin flows` lists them."
        raise ConfigError(Problem("--broker", f'"{broker}" is not a known broker', hint)) from None
    if not issubclass(kind, BrowserFlow):
        detail = f"{kind.title} has no login page: it logs in over its API"
        raise ConfigError(Problem("--broker", detail, "Name a broker that has one."))
    every = set(kind.credentials_class.model_fields)
    credentials = samples.fill_in(kind.credentials_class, {}, every)
    return kind(credentials, dict.fromkeys(kind.needs_endpoints, urls[0]))


def describe(view: View) -> Iterator[str]:
    """A view in words."""
    yield view.url
    verdict = view.verdict
    if verdict is None:
        yield f"    error     {view.error}"
        return
    yield f"    page      {verdict.page}"
    for one in verdict.fields:
        where = " ".join(element.path or element.id or element.tag for element in one.elements)
        yield f"    {one.name:<9} {where}  ({one.why})"
    press = verdict.press
    if press == ENTER:
        yield "    press     the Enter key"
    elif press is not None:
        yield f'    press     "{press.name}"  {press.path}'
    if verdict.refused:
        yield f"    refused   {verdict.refused.name}: {verdict.refused.detail}"


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
