"""What a browser, and a user's own command, see of our environment."""

from __future__ import annotations

import os
import time

import pytest
from pydantic import SecretStr

from autologin import inheritance, redaction
from autologin.cli import prestart
from autologin.config import loader, withheld
from autologin.config.schema import Settings
from autologin.inheritance import Withheld

USEFUL = {
    "PATH": "/usr/bin:/bin",
    "LD_LIBRARY_PATH": "/opt/lib",
    "HOME": "/home/trader",
    "TMPDIR": "/tmp",
    "TZ": "Asia/Kolkata",
    "LANG": "en_IN.UTF-8",
    "DISPLAY": ":0",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
    "FONTCONFIG_PATH": "/etc/fonts",
    "SSL_CERT_FILE": "/etc/ssl/cert.pem",
    "NODE_EXTRA_CA_CERTS": "/etc/ssl/own.pem",
    "NO_PROXY": "localhost",
    "PWD": "/home/trader",
    "XAUTHORITY": "/home/trader/.Xauthority",
    "UNKNOWN": "stays",
}


@pytest.mark.parametrize(
    "name",
    [
        *("AUTOLOGIN_CONFIG", "AWS_PROFILE", "VAULT_ADDR", "APP_SECRET", "GH_TOKEN", "PGPASSWORD"),
        *("db_password", "SSH_PASSPHRASE", "OPENAI_API_KEY", "MYSQL_PWD", "BROKER_PIN", "TOTP"),
        *("DEBUG", "DEBUGP", "PWDEBUG", "NODE_OPTIONS", "NODE_DEBUG", "SSLKEYLOGFILE"),
    ],
)
def test_a_name_that_speaks_of_a_secret_or_makes_talkative_stays_outside(name):
    assert inheritance.for_browser(USEFUL | {name: "x"}, Withheld()) == USEFUL


@pytest.mark.parametrize(
    "value",
    ["pa:ss/word", "postgres://joe:pa%3Ass%2Fword@db/x", "a pa:ss/word b", "cGE6c3Mvd29yZA"],
)
def test_a_value_that_holds_a_known_secret_stays_outside(value):
    redaction.remember("pa:ss/word")
    assert inheritance.for_browser(USEFUL | {"OTHER": value}, Withheld()) == USEFUL


def test_a_value_that_holds_a_secret_of_the_config_stays_outside_of_both():
    hidden = Withheld({"NAMED"}, {SecretStr("correct horse"), SecretStr("1000")})
    environ = USEFUL | {"NAMED": "x", "COPY": "my correct horse", "PIN_OF_MINE": "1000"}
    assert inheritance.for_browser(environ, hidden) == USEFUL
    assert inheritance.for_command(environ, hidden) == USEFUL
    ours = USEFUL | {"PASSWORD_STORE_DIR": "/x", "OP_SESSION": "y", "VAULT_TOKEN": "z"}
    assert inheritance.for_command(ours, hidden) == ours


@pytest.mark.parametrize(
    "value",
    [
        *(
            "jbsw y3dp ehpk 3pxp",
            "jbswy3dpehpk3pxp",
            "JBSW-Y3DP-EHPK-3PXP",
            "SkJTV1kzRFBFSFBLM1BYUA",
        ),
        *("eDpwYTpzcy93b3JkIQ==", "pa%3Ass%2Fword%21", "pa:ss&#47;word!", "70613a73732f776f726421"),
        *("MTAwMA==", "pin 1000"),
    ],
)
def test_a_secret_is_found_in_every_form(value):
    hidden = Withheld(
        set(), {SecretStr(one) for one in ("JBSWY3DPEHPK3PXP", "pa:ss/word!", "1000")}
    )
    assert inheritance.for_command(USEFUL | {"COPY": value}, hidden) == USEFUL
    assert inheritance.for_browser(USEFUL | {"COPY": value}, hidden) == USEFUL


def test_many_secrets_and_variables_take_no_time():
    hidden = Withheld(set(), {SecretStr(f"secret-number-{number}") for number in range(100)})
    environ = {f"NAME_{number}": "value of it " * 20 for number in range(200)}
    began = time.process_time()
    assert inheritance.for_command(environ, hidden) == environ
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("name", ["PATH", "HOME"])
def test_a_password_that_is_a_word_of_a_path_takes_no_path_away(name):
    hidden = Withheld(set(), {SecretStr("traders-home")})
    environ = {name: "/srv/traders-home"}
    assert inheritance.for_browser(environ, hidden) == environ


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_browser_is_told_its_proxy_by_a_switch_alone(name):
    environ = {name: "http://joe:word@proxy:3128"}
    assert inheritance.for_browser(environ, Withheld()) == {}
    assert inheritance.for_command(environ, Withheld()) == environ


CONFIG = """
accounts:
  me:
    broker: zerodha
    credentials:
      api_key: {{env: KITE}}
      api_secret: plain-api-secret
      user_id: AB1234
      password: {password}
      totp_secret: {{env: SEED_OF_MINE}}
sinks:
  hook: {{type: webhook, url: "https://x.example/", secret: {{env: HOOK}}}}
http: {{token: {{env: WEB}}}}
notify: {{urls: [{{env: TELL}}], ping: {{env: PING}}}}
"""
NAMED = {"KITE": "key-word-1", "SEED_OF_MINE": "JBSWY3DPEHPK3PXP", "HOOK": "h", "WEB": "w"}
NAMED |= {"TELL": "t", "PING": "p"}


@pytest.fixture
def config(tmp_path):
    def write(password):
        file = tmp_path / "config.yaml"
        file.touch(mode=0o600)
        file.write_text(CONFIG.format(password=password))
        return file

    return write


def test_every_variable_that_the_config_names_is_found(config):
    environ = USEFUL | NAMED | {"COPY": "x=plain-api-secret", "WHO": "AB1234"}
    settings = loader.load(config("plain-password"), environ)
    assert isinstance(settings, Settings)
    hidden = withheld.for_browser(settings)
    assert inheritance.for_browser(environ, hidden) == USEFUL | {"WHO": "AB1234"}


def test_a_command_sees_all_but_the_accounts_secrets(config, tmp_path):
    environ = USEFUL | NAMED | {"COPY": "x=plain-api-secret", "VAULT_TOKEN": "v", "WHO": "AB1234"}
    settings = loader.load(config('{command: "env >seen; echo word-of-the-day"}'), environ)
    from autologin.config import accounts

    assert accounts.prepare(settings, settings.accounts["me"], environ).problems == []
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    kept = {"HOOK", "WEB", "TELL", "PING", "VAULT_TOKEN", "WHO"}
    assert seen.keys() & (NAMED.keys() | {"COPY", "VAULT_TOKEN", "WHO"}) == kept
    later = environ | {"LATER": "word-of-the-day"}
    assert "LATER" not in inheritance.for_command(later, settings.ref_context.withheld)


def test_an_override_that_holds_a_secret_is_kept_from_commands(config):
    name = "AUTOLOGIN_ACCOUNTS__ME__CREDENTIALS__PASSWORD"
    environ = USEFUL | NAMED | {name: "over-word-1", "AUTOLOGIN_CONCURRENCY": "2"}
    settings = loader.load(config("plain-password"), environ)
    seen = settings.ref_context.command_environ()
    assert name not in seen
    assert "AUTOLOGIN_CONCURRENCY" in seen


def test_the_early_driver_inherits_what_a_later_one_would(config, tmp_path):
    (tmp_path / "word").write_text("word-in-a-file\n")
    for password in ("plain-password", "{file: word}"):
        found = prestart.driver_environ(
            config(password), ["me"], force=True, environ=USEFUL | NAMED
        )
        assert found == USEFUL


@pytest.mark.parametrize(
    ("password", "more"),
    [
        ("plain-password", {"COPY": "plain-api-secret"}),
        ("plain-password", {"COPY": "key-word-1"}),
        ("{file: word}", {"COPY": "word-in-a-file"}),
        ('{command: "pass x"}', {}),
        ("{ssm: /x}", {}),
        ("plain-password", {"AUTOLOGIN_HTTP__TOKEN": "w"}),
        ("{file: nowhere}", {}),
    ],
)
def test_where_a_look_is_not_enough_the_driver_starts_later(config, tmp_path, password, more):
    (tmp_path / "word").write_text("word-in-a-file\n")
    environ = USEFUL | NAMED | more
    assert prestart.driver_environ(config(password), ["me"], force=True, environ=environ) is None


def test_a_pipe_is_left_for_who_needs_what_is_in_it(config, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    file = config("{file: pipe}")
    assert prestart.driver_environ(file, ["me"], force=True, environ=USEFUL | NAMED) is None
    found = withheld.for_browser(loader.load(file, USEFUL | NAMED))
    assert found.names == NAMED.keys()


def test_a_config_that_is_a_pipe_is_left_for_who_reads_it(tmp_path):
    os.mkfifo(tmp_path / "config.yaml")
    file = tmp_path / "config.yaml"
    assert prestart.driver_environ(file, [], force=True, environ=USEFUL | NAMED) is None
