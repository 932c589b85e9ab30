"""config.example.yaml is true: it loads, and what is commented out in it can be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from autologin import preflight
from autologin.config import accounts, loader, overrides
from autologin.config.schema import Pages, Settings
from autologin.delivery.sinks import base
from autologin.flow import registry

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
TEXT = EXAMPLE.read_text()
SEED = "JBSWY3DPEHPK3PXP"
OPTION = re.compile(r"^(\s*)# (\s*)(\w+:.*)$")


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")


@pytest.fixture
def load(tmp_path):
    """Load a config as its user would have it: the files are there, the variables set."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "zerodha_totp").write_text(SEED)
    (tmp_path / "flows").mkdir()
    environ = {"HOME": str(tmp_path)} | dict.fromkeys(
        re.findall(r"\{env: (\w+)\}", TEXT), "some-secret"
    )
    environ["ZERODHA_PROXY"] = "http://127.0.0.1:3128"

    def loaded(text):
        file = tmp_path / "config.yaml"
        file.write_text(text)
        return loader.load(file, environ), environ

    return loaded


def uncommented(text):
    """Each commented-out key made a key; sentences stay comments."""
    head, body = text.split("\naccounts:", 1)
    return (
        head + "\naccounts:" + "\n".join(OPTION.sub(r"\1\2\3", line) for line in body.split("\n"))
    )


def keys(data, path=()):
    for key, value in data.items() if isinstance(data, dict) else ():
        yield (*path, key)
        yield from keys(value, (*path, key))


def test_it_loads_as_it_is(load):
    settings, environ = load(TEXT)
    account = settings.account("zerodha")
    assert account.sinks == ["tokens"]
    assert settings.sinks["tokens"].target("zerodha", "zerodha") == str(
        settings.folder / "tokens/zerodha.json"
    )
    flow = accounts.load_flow(settings, account, environ)
    assert flow.credentials.totp_secret.get_secret_value() == SEED
    assert settings.state.path == Path(environ["HOME"]) / ".local/state/autologin"


def test_check_finds_nothing_to_mend_in_it(load):
    settings, environ = load(TEXT)
    bad = [
        one for one in preflight.run(settings.file, environ, online=False) if one.level == "problem"
    ]
    assert bad == []


def test_what_is_missing_is_told_when_it_is_copied_and_nothing_else_is_done(tmp_path):
    """The first mistake of all: copied, not filled in."""
    (tmp_path / "config.yaml").write_text(TEXT)
    found = preflight.run(tmp_path / "config.yaml", {"HOME": str(tmp_path)}, online=False)
    bad = {one.key.rsplit(".", 1)[1]: one for one in found if one.level == "problem"}
    assert bad.keys() == {"api_secret", "password", "totp_secret"}
    assert all(one.hint for one in bad.values())


def test_what_is_commented_out_can_be_used(load):
    text = uncommented(TEXT)
    more = set(keys(yaml.safe_load(text))) - set(keys(yaml.safe_load(TEXT)))
    account = ("accounts", "zerodha")
    assert more >= {
        (*account, "authorize"),
        (*account, "proxy"),
        (*account, "timeout"),
        (*account, "pages", "fields", "password"),
        (*account, "pages", "dismiss"),
        (*account, "credentials", "redirect_uri"),
        ("sinks", "tokens", "fields"),
        ("sinks", "tokens", "mode"),
        ("sinks", "tokens", "group"),
        ("sinks", "for_compose", "format"),
        ("sinks", "aws", "kms_key_id"),
        ("browser", "executable"),
        ("browser", "sandbox"),
        ("flows_dir",),
        ("calendar", "override"),
        ("concurrency",),
        ("schedule", "cron"),
        ("schedule", "jitter"),
        ("watch", "relogin"),
        ("notify", "ping"),
        ("http", "token"),
    }
    settings, environ = load(text)
    found = settings.account("zerodha")
    assert accounts.ways_out(found, environ).proxy_for("https://a").url == environ["ZERODHA_PROXY"]
    assert accounts.load_flow(settings, found, environ).redirect_uri == "https://127.0.0.1/"


@pytest.mark.parametrize(
    "line", [line for line in TEXT.split("\naccounts:", 1)[1].splitlines() if OPTION.match(line)]
)
def test_each_of_them_is_a_key_with_a_comment_of_its_own(line):
    key = OPTION.match(line)[3].split(":")[0]
    flow = registry.load("zerodha")
    known = {
        *Settings.model_fields,
        *flow.credentials_class.model_fields,
        "executable",
        "sandbox",
        "authorize",
        "login_hosts",
        "proxy",
        "timeout",
        "pages",
        *Pages.model_fields,
    }
    known |= {*base.config_class("file").model_fields, "for_compose"}
    sections = ("schedule", "http", "watch", "notify")
    known |= {
        key for name in sections for key in Settings.model_fields[name].annotation.model_fields
    }
    known |= {*base.config_class("ssm").model_fields, "aws"}
    assert key in known


def test_defaults_that_it_shows_are_the_defaults(load):
    """Who uncomments a line that shows a default changes nothing."""
    plain, _ = load(TEXT)
    whole, _ = load(uncommented(TEXT))
    assert whole.concurrency == plain.concurrency == 2
    assert whole.browser.sandbox == plain.browser.sandbox
    assert whole.account("zerodha").timeout == registry.load("zerodha").timeout
    assert str(plain.timezone) == str(Settings.model_fields["timezone"].default)


def test_no_secret_stands_in_it():
    found = yaml.safe_load(TEXT)["accounts"]["zerodha"]["credentials"]
    plain = [key for key, value in found.items() if not isinstance(value, dict)]
    assert [key for key in plain if accounts.is_secret(registry.load("zerodha"), key)] == []
