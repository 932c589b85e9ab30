"""Loading a config: what stands where, what overrides what, and what is said when something is wrong."""

from __future__ import annotations

import json
import textwrap
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autologin import proxies, redaction
from autologin.config import accounts, loader, overrides
from autologin.errors import ConfigError

SEED = "JBSWY3DPEHPK3PXP"
CANARY = "hunter2canary"
GOOD = """
accounts:
  zerodha:
    broker: zerodha
    credentials:
      api_key: "abc123"
      api_secret: "apisecret-canary"
      user_id: "AB1234"
      password: {env: ZERODHA_PASSWORD}
      totp_secret: "JBSW Y3DP EHPK 3PXP"
    sinks: [tokens]
sinks:
  tokens: {type: file, path: "tokens/{account}.json"}
"""
CREDENTIALS = "AUTOLOGIN_ACCOUNTS__ZERODHA__CREDENTIALS__"
TEXT = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1
).filter(lambda text: text == text.strip())


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setattr(redaction, "_known", redaction.Known())
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")


def write(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(textwrap.dedent(text))
    return file


def load(folder: Path, text: str = GOOD, **environ: str):
    return loader.load(
        write(folder, text), {"HOME": str(folder / "home"), "ZERODHA_PASSWORD": "pw", **environ}
    )


def problems(folder: Path, text: str = GOOD, **environ: str) -> dict[str, str]:
    """Key -> message and fix, for a config that must not load. No value may be in any of them."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environ)
    assert CANARY not in caught.value.message
    assert CANARY not in repr(caught.value)
    assert caught.value.exit_code == 2
    return {problem.key: f"{problem.message} | {problem.hint}" for problem in caught.value.problems}


def flow(folder: Path, text: str = GOOD, **environ: str):
    environ = {"ZERODHA_PASSWORD": "pw", **environ}
    settings = load(folder, text, **environ)
    return accounts.load_flow(settings, settings.account("zerodha"), environ)


# What a good config becomes


def test_defaults(tmp_path):
    settings = load(tmp_path)
    assert settings.timezone.key == "Asia/Kolkata"
    assert settings.state.path == tmp_path / "home/.local/state/autologin"
    assert (settings.schedule.at, settings.schedule.days, settings.schedule.ready_by) == (
        time(8, 15),
        "trading",
        time(9),
    )
    assert (settings.concurrency, settings.stop_timeout, settings.browser.sandbox) == (
        2,
        30,
        "auto",
    )
    assert (settings.http.listen, settings.watch.verify_every, settings.watch.max_per_day) == (
        "127.0.0.1:8321",
        600,
        3,
    )
    account = settings.account("zerodha")
    assert (account.name, account.authorize, account.timeout, account.sinks) == (
        "zerodha",
        True,
        None,
        ["tokens"],
    )


def test_relative_paths_start_at_the_configs_folder(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    (tmp_path / "mine").mkdir()
    more = "\nstate: {path: state}\nflows_dir: mine\nbrowser: {executable: ./chromium}\n"
    settings = load(tmp_path, GOOD + more)
    assert settings.state.path == tmp_path / "state"
    assert settings.flows_dir == tmp_path / "mine"
    assert settings.browser.executable == str(tmp_path / "chromium")
    assert settings.sinks["tokens"].path == str(tmp_path / "tokens/{account}.json")


def test_what_yaml_makes_of_plain_words_is_what_people_mean(tmp_path):
    more = "\nschedule: {at: 10:15, ready_by: 9:05, days: [mon, fri]}\nbrowser: {sandbox: on}\nstop_timeout: 2m\nstate:\nnotify:\n"
    settings = load(tmp_path, GOOD + more)
    assert (settings.schedule.at, settings.schedule.ready_by, settings.schedule.days) == (
        time(10, 15),
        time(9, 5),
        "mon,fri",
    )
    assert (settings.browser.sandbox, settings.stop_timeout) == ("on", 120)


def test_an_accounts_schedule_takes_the_rest_from_the_common_one(tmp_path):
    text = GOOD.replace("    sinks:", '    schedule: {at: "08:20"}\n    sinks:')
    settings = load(tmp_path, text)
    found = settings.schedule_for(settings.account("zerodha"))
    assert (found.at, found.ready_by) == (time(8, 20), time(9))


def test_where_a_config_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = {"HOME": str(tmp_path / "home"), "ZERODHA_PASSWORD": "pw"}
    with pytest.raises(ConfigError, match="AUTOLOGIN_CONFIG") as caught:
        loader.load(None, home)
    for word in (
        "./config.yaml",
        f"{tmp_path}/home/.config/autologin/config.yaml",
        "config.example.yaml",
        "autologin demo",
    ):
        assert word in caught.value.message
    users, xdg, named = (
        tmp_path / name for name in ("home/.config/autologin", "xdg/autologin", "named")
    )
    for folder in (users, xdg, named):
        folder.mkdir(parents=True)
        write(folder, GOOD)
    assert loader.load(None, home).file == users / "config.yaml"
    assert (
        loader.load(None, home | {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}).file
        == xdg / "config.yaml"
    )
    assert (
        loader.load(None, home | {"AUTOLOGIN_CONFIG": str(named / "config.yaml")}).file
        == named / "config.yaml"
    )
    write(tmp_path, GOOD)
    assert loader.load(None, home).folder == tmp_path


def test_an_account_is_found_by_its_name_or_by_a_broker_with_one_account(tmp_path):
    two = GOOD.replace("  zerodha:\n    broker", "  mine:\n    broker")
    assert load(tmp_path, two).account("zerodha").name == "mine"
    with pytest.raises(ConfigError, match='Did you mean "mine"'):
        load(tmp_path, two).account("min")
    body = two.split("accounts:\n")[1].split("sinks:\n  tokens")[0]
    both = two.replace("accounts:\n", "accounts:\n" + body.replace("mine:", "hers:"), 1)
    with pytest.raises(ConfigError, match=r"Name one of: hers, mine"):
        load(tmp_path, both).account("zerodha")


def test_nothing_shows_a_plain_secret(tmp_path):
    settings = load(tmp_path, GOOD.replace("apisecret-canary", CANARY))
    assert CANARY not in repr(settings) + str(settings.account("zerodha")) + repr(
        accounts.load_flow(
            settings, settings.account("zerodha"), {"ZERODHA_PASSWORD": CANARY}
        ).credentials
    )


# The flow of an account


def test_a_flow_is_given_its_resolved_credentials_and_the_redactor_knows_them(tmp_path):
    found = flow(tmp_path, ZERODHA_PASSWORD=CANARY)
    assert found.credentials.password.get_secret_value() == CANARY
    assert found.urls["api"] == "https://api.kite.trade"
    assert redaction.scrub(f"{CANARY} apisecret-canary AB1234") == "******** ******** AB1234"


def test_endpoints_override_the_flows(tmp_path):
    text = GOOD.replace(
        "    sinks:", '    endpoints: {api: "http://127.0.0.1:9/kite/"}\n    sinks:'
    )
    assert flow(tmp_path, text).urls == {
        "login": "https://kite.zerodha.com",
        "api": "http://127.0.0.1:9/kite",
    }


def test_every_problem_of_an_account_is_named_at_once(tmp_path):
    text = GOOD.replace("{env: ZERODHA_PASSWORD}", "{env: ZERODHA_PASWORD}").replace(
        "JBSW Y3DP EHPK 3PXP", CANARY + "1"
    )
    text = text.replace('"abc123"', "{file: nowhere}")
    settings = load(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        accounts.load_flow(settings, settings.account("zerodha"), {"ZERODHA_PASSWORD": "pw"})
    found = {problem.key.rsplit(".", 1)[1]: problem for problem in caught.value.problems}
    assert found.keys() == {"password", "totp_secret", "api_key"}
    assert "ZERODHA_PASWORD is not set" in found["password"].message
    assert "Did you mean ZERODHA_PASSWORD?" in found["password"].hint
    assert "not a TOTP seed" in found["totp_secret"].message
    assert "the seed that Kite shows" in found["totp_secret"].hint
    assert f"{tmp_path}/nowhere" in found["api_key"].message
    assert CANARY not in caught.value.message
    assert caught.value.problems[0].key.startswith("accounts.zerodha.credentials.")


@pytest.mark.parametrize(
    "seed",
    [
        SEED,
        "jbsw y3dp ehpk 3pxp",
        "JBSW-Y3DP-EHPK-3PXP==",
        f"otpauth://totp/Kite:AB1234?secret={SEED}&issuer=Kite",
    ],
)
def test_a_seed_is_taken_as_people_have_it(tmp_path, seed):
    assert flow(tmp_path, **{CREDENTIALS + "TOTP_SECRET": seed}).seed.get_secret_value() == seed


def test_only_the_accounts_own_references_are_followed(tmp_path):
    other = (
        GOOD.split("accounts:\n")[1]
        .split("sinks:\n  tokens", maxsplit=1)[0]
        .replace("zerodha:", "other:")
        .replace("ZERODHA_PASSWORD", "NOT_SET")
    )
    assert (
        flow(tmp_path, GOOD.replace("accounts:\n", "accounts:\n" + other)).credentials.user_id
        == "AB1234"
    )


def test_a_proxy_is_a_secret_address(tmp_path):
    text = GOOD.replace("    sinks:", "    proxy: {env: PROXY}\n    sinks:")
    environ = {"PROXY": "http://me:p%40ss@127.0.0.1:3128"}
    account = load(tmp_path, text, **environ).account("zerodha")
    ways = accounts.ways_out(account)
    assert ways.proxy_for("https://broker.test").url == environ["PROXY"]
    assert accounts.chromium_proxy(account, ways).login == {
        "server": "http://127.0.0.1:3128",
        "username": "me",
        "password": "p@ss",
    }
    assert "p@ss" not in redaction.scrub(environ["PROXY"] + " p@ss")
    with pytest.raises(ConfigError, match="socks5") as caught:
        accounts.ways_out(load(tmp_path, text, PROXY=CANARY).account("zerodha"))
    assert CANARY not in caught.value.message
    assert accounts.ways_out(load(tmp_path).account("zerodha")) == proxies.DIRECT


def test_the_stores_keys_are_secrets(tmp_path):
    settings = load(tmp_path, GOOD + "\nstate: {keys: [{env: NEW_KEY}, old-key]}\n", NEW_KEY=CANARY)
    assert [key.get_secret_value() for key in accounts.state_keys(settings)] == [CANARY, "old-key"]
    assert CANARY not in redaction.scrub(CANARY)
    assert accounts.state_keys(load(tmp_path)) == []
    with pytest.raises(ConfigError, match=r"state\.keys\.0.*OTHER"):
        accounts.state_keys(load(tmp_path, GOOD + "\nstate: {keys: [{env: OTHER}]}\n"))


# The environment and the secrets folder


@given(TEXT)
def test_a_credential_from_the_environment_is_its_text_byte_for_byte(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    assert (
        flow(folder, **{CREDENTIALS + "PASSWORD": text}).credentials.password.get_secret_value()
        == text
    )


@pytest.mark.parametrize(
    "text", ["0123", "null", "1E5", "true", "{x}", '{"env": "HOME"}', "[1]", "", "~", "1_000"]
)
def test_a_credential_from_the_environment_is_never_read_as_something_else(tmp_path, text):
    settings = load(tmp_path, **{CREDENTIALS + "PASSWORD": text})
    assert settings.account("zerodha").credentials["password"].target.get_secret_value() == text


def test_an_override_replaces_the_whole_value(tmp_path):
    settings = load(
        tmp_path,
        AUTOLOGIN_SINKS__TOKENS='{"type": "file", "path": "elsewhere"}',
        AUTOLOGIN_SCHEDULE__DAYS="mon,tue",
    )
    assert settings.sinks["tokens"].path == str(tmp_path / "elsewhere")
    assert settings.schedule.days == "mon,tue"


def test_names_match_in_any_case_with_dashes_and_dots_as_underscores(tmp_path):
    text = GOOD.replace("  zerodha:\n", "  My-Kite.main:\n")
    settings = load(
        tmp_path,
        text,
        AUTOLOGIN_ACCOUNTS__MY_KITE_MAIN__TIMEOUT="45",
        AUTOLOGIN_ACCOUNTS__MY_KITE_MAIN__SINKS='["tokens"]',
    )
    assert settings.account("My-Kite.main").timeout == 45
    assert list(settings.accounts) == ["My-Kite.main"]


def test_a_name_that_means_two_accounts_is_refused(tmp_path):
    body = GOOD.split("accounts:\n")[1].split("sinks:\n  tokens", maxsplit=1)[0]
    text = GOOD.replace(
        "accounts:\n", "accounts:\n" + body.replace("zerodha:\n", "a-b:\n", 1)
    ).replace("  zerodha:\n", "  a.b:\n")
    assert (
        "a-b or a.b"
        in problems(tmp_path, text, AUTOLOGIN_ACCOUNTS__A_B__TIMEOUT="5")[
            "AUTOLOGIN_ACCOUNTS__A_B__TIMEOUT"
        ]
    )


def test_the_environment_alone_can_be_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environ = {
        CREDENTIALS + key.upper(): "x" for key in ("api_key", "api_secret", "user_id", "password")
    }
    environ |= {
        CREDENTIALS + "TOTP_SECRET": SEED,
        "AUTOLOGIN_ACCOUNTS__ZERODHA__BROKER": "zerodha",
        "AUTOLOGIN_ACCOUNTS__ZERODHA__SINKS": "tokens",
    }
    environ |= {
        "AUTOLOGIN_SINKS__TOKENS__PATH": "{account}.json",
        "AUTOLOGIN_SINKS__TOKENS__TYPE": "file",
        "HOME": str(tmp_path),
    }
    settings = loader.load(None, environ)
    assert settings.sinks["tokens"].path == f"{tmp_path}/{{account}}.json"
    assert (
        accounts.load_flow(settings, settings.account("zerodha"), environ).credentials.user_id
        == "x"
    )


def test_a_value_from_a_file_and_from_the_secrets_folder(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "AUTOLOGIN_accounts__Zerodha__credentials__password").write_text("from-folder\n")
    (folder / "autologin_zerodha_password").write_text("somebody else's")
    (folder / "other").write_text("somebody else's")
    (tmp_path / "key").write_text("from-file\n")
    environ = {
        "AUTOLOGIN_SECRETS_DIR": str(folder),
        CREDENTIALS + "API_SECRET_FILE": str(tmp_path / "key"),
    }
    found = flow(tmp_path, **environ).credentials
    assert (found.password.get_secret_value(), found.api_secret.get_secret_value()) == (
        "from-folder",
        "from-file",
    )
    assert (
        flow(
            tmp_path, **environ, **{CREDENTIALS + "PASSWORD": "env wins"}
        ).credentials.password.get_secret_value()
        == "env wins"
    )


def test_the_usual_secrets_folder_is_used_when_it_is_there(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/autologin_concurrency").write_text("7\n")
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "run")
    assert load(tmp_path).concurrency == 7


@pytest.mark.parametrize(
    ("environ", "key", "words"),
    [
        (
            {"AUTOLOGIN_ACOUNTS__ZERODHA__BROKER": "x"},
            "AUTOLOGIN_ACOUNTS__ZERODHA__BROKER",
            "Did you mean AUTOLOGIN_ACCOUNTS__ZERODHA__BROKER?",
        ),
        ({"AUTOLOGIN_WATCH__RELOGN": "x"}, "AUTOLOGIN_WATCH__RELOGN", "AUTOLOGIN_WATCH__RELOGIN"),
        (
            {"AUTOLOGIN_TIMEZONE__X": "x"},
            "AUTOLOGIN_TIMEZONE__X",
            "AUTOLOGIN_TIMEZONE: it takes the value itself",
        ),
        (
            {CREDENTIALS + "PASWORD": CANARY},
            "accounts.zerodha.credentials.pasword",
            f'(from {CREDENTIALS}PASWORD) | Did you mean "password"?',
        ),
        (
            {"AUTOLOGIN_ACCOUNTS__ZERODA__TIMEOUT": "9"},
            "accounts.zeroda.broker",
            'Did you mean "zerodha"?',
        ),
        (
            {CREDENTIALS + "PASSWORD": "x", CREDENTIALS + "PASSWORD_FILE": __file__},
            "accounts.zerodha.credentials.password",
            "set twice",
        ),
        (
            {CREDENTIALS + "PASSWORD_FILE": "/nowhere"},
            CREDENTIALS + "PASSWORD_FILE",
            "there is no file /nowhere",
        ),
        ({"AUTOLOGIN_NOTIFY": "[1"}, "notify", "JSON (from AUTOLOGIN_NOTIFY)"),
        (
            {"AUTOLOGIN_CONCURRENCY": "many"},
            "concurrency",
            "whole number (from AUTOLOGIN_CONCURRENCY)",
        ),
        (
            {"AUTOLOGIN_SECRETS_DIR": "/nowhere"},
            "AUTOLOGIN_SECRETS_DIR",
            "there is no folder /nowhere",
        ),
    ],
)
def test_a_wrong_variable(tmp_path, environ, key, words):
    assert words in problems(tmp_path, **environ)[key]


def test_names_of_others_are_left_alone(tmp_path):
    others = {
        "AUTOLOGIN_SERVICE_HOST": "10.0.0.1",
        "AUTOLOGIN_PORT": "tcp://10.0.0.1:80",
        "AUTOLOGIN_PORT_80_TCP_ADDR": "x",
        "AUTOLOGINX": "x",
    }
    assert load(tmp_path, **others, AUTOLOGIN_CONFIG="/elsewhere").concurrency == 2


def test_json_in_the_environment_keeps_the_rule_for_credentials(tmp_path):
    text = json.dumps({"zerodha": {"broker": "zerodha", "credentials": {"api_key": 123}}})
    assert (
        "Quote it"
        in problems(tmp_path, AUTOLOGIN_ACCOUNTS=text)["accounts.zerodha.credentials.api_key"]
    )
