"""Values that no key can have: each is told with its key, before anything is done with it."""

from __future__ import annotations

import textwrap

import pytest

from autologin.config import loader, overrides
from autologin.errors import ConfigError

GOOD = """
accounts:
  groww: {broker: groww, credentials: {api_key: "k", totp_secret: "JBSWY3DPEHPK3PXP"}, sinks: [t]}
sinks:
  t: {type: file, path: "t.json"}
  h: {type: webhook, url: "https://a/x", secret: "s", client_cert: a, client_key: b}
state: {path: state}
"""


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")


def problems(folder, text, *, home=True):
    file = folder / "config.yaml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    environ = {"HOME": str(folder)} if home else {}
    found = loader.read(file, environ).problems
    assert all(one.hint for one in found)
    return {one.key: one.message for one in found}


PLACES = {
    "state.path": ("path: state", "path: {}"),
    "flows_dir": ("state:", "flows_dir: {}\nstate:"),
    "calendar.override": ("state:", "calendar: {{override: {}}}\nstate:"),
    "browser.executable": ("state:", "browser: {{executable: {}}}\nstate:"),
    "sinks.t.path": ('"t.json"', "{}"),
    "sinks.h.client_cert": ("client_cert: a", "client_cert: {}"),
    "accounts.groww.credentials.api_key": ('"k"', "{{file: {}}}"),
}


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"~nosuchuser/x"', "a user that this machine does not know"),
        ('"a\\0b"', "holds a character that no path should have"),
        ('"a\\nb"', "holds a character that no path should have"),
        ('"\\uD800"', "holds a character that no path should have"),
        ("x" * 300, "is too long"),
        ("x/" * 1500 + "y", "is too long"),
    ],
)
def test_a_path_that_is_none(tmp_path, key, value, words):
    old, new = PLACES[key]
    told = problems(tmp_path, GOOD.replace(old, new.format(value)))
    assert words in told[key]


@pytest.mark.parametrize("key", ["state.path", "sinks.t.path", "flows_dir"])
def test_an_empty_path(tmp_path, key):
    old, new = PLACES[key]
    assert key in problems(tmp_path, GOOD.replace(old, new.format('" "')))


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('browser: {user_agent: "a\\nb"}', "browser.user_agent"),
        ('browser: {user_agent: "né"}', "browser.user_agent"),
        ('browser: {channel: "a\\0"}', "browser.channel"),
        ('notify: {command: "a\\0b"}', "notify.command"),
        ('notify: {command: " "}', "notify.command"),
        ('notify: {ping: {command: "a\\0b"}}', "notify.ping"),
        ("stop_timeout: 999999999h", "stop_timeout"),
        ("stop_timeout: ٣", "stop_timeout"),
        (f"stop_timeout: 1{'0' * 400}", "stop_timeout"),
        ("watch: {verify_every: [1]}", "watch.verify_every"),
        ("timezone: [Asia]", "timezone"),
        ("schedule: {days: {mon: tue}}", "schedule.days"),
        ("schedule: {days: [[mon]]}", "schedule.days"),
        ('schedule: {at: "٠٨:15"}', "schedule.at"),
    ],
)
def test_a_value_that_is_none(tmp_path, more, key):
    assert list(problems(tmp_path, GOOD + more)) == [key]


def test_a_home_that_nobody_knows(tmp_path, monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    text = GOOD.replace("path: state", "path: ~/state")
    assert problems(tmp_path, text, home=False) == {
        "state.path": "starts in the home folder, and this user has none"
    }


LAUGHS = "a0: &a0 [x]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS + GOOD, "grows without bounds by its aliases"),
        (GOOD + "watch: &a {verify_every: *a}", "refers to itself"),
        (GOOD + "watch: " + "[" * 100_000, "is nested too deeply"),
        (GOOD + "watch: " + "{a: " * 100_000, "is nested too deeply"),
        (GOOD + "#" * (5 * 1024 * 1024), "is no config: it is larger than"),
    ],
)
def test_a_document_that_is_too_much(tmp_path, text, words):
    ((place, told),) = problems(tmp_path, text).items()
    assert str(tmp_path / "config.yaml") in place
    assert words in told


def test_a_variable_that_is_nested_too_deeply(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    environ = {"HOME": str(tmp_path), "AUTOLOGIN_WATCH": '{"a":' * 100_000}
    with pytest.raises(ConfigError, match="is not valid JSON"):
        loader.load(file, environ)
