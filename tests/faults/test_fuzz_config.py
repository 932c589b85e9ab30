"""Whatever stands in a config: it is read, or each problem is told with its key. Nothing else is raised, nothing hangs.

CASES=100000 in the environment makes a quarter of so many; without it, it is a sample.
"""

from __future__ import annotations

import copy
import time
from datetime import date, datetime

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clock import HandClock
from support.selection import cases

from autologin import preflight, secret_refs
from autologin.config import loader, overrides
from autologin.errors import ConfigError

pytestmark = pytest.mark.timeout(3600)
LONGEST = 5.0
"""Seconds of the processor for one config; what waits is ended by the test's own limit."""
GOOD = {
    "timezone": "Asia/Kolkata",
    "state": {"path": "state", "keys": ["k"]},
    "browser": {"executable": "x", "channel": "chrome", "user_agent": "x", "sandbox": "auto"},
    "flows_dir": ".",
    "schedule": {
        "at": "08:15",
        "days": "trading",
        "cron": "1 2 * * *",
        "ready_by": "09:00",
        "jitter": "5m",
    },
    "calendar": {"override": "days.yaml"},
    "sinks": {
        "tokens": {
            "type": "file",
            "path": "t/{account}.json",
            "format": "json",
            "fields": {"a": "access_token"},
            "mode": "0600",
            "owner": "root",
            "group": "root",
            "redeliver": True,
        },
        "aws": {
            "type": "ssm",
            "prefix": "/a/{account}",
            "region": "ap-south-1",
            "kms_key_id": "k",
            "endpoint_url": "http://127.0.0.1:9",
        },
        "hook": {
            "type": "webhook",
            "url": "https://127.0.0.1:9/x",
            "secret": ["whsec_" + "A" * 32],
            "headers": {"X-A": "b"},
            "allow_http": False,
            "timeout": 5,
            "client_cert": "a.pem",
            "client_key": "a.key",
            "ca_cert": "ca.pem",
        },
    },
    "accounts": {
        "me": {
            "broker": "zerodha",
            "credentials": {
                "api_key": "abc123",
                "api_secret": {"env": "API_SECRET"},
                "user_id": "AB1234",
                "password": {"file": "password"},
                "totp_secret": {"command": "true"},
                "redirect_uri": "https://127.0.0.1/",
            },
            "sinks": ["tokens"],
            "endpoints": {"login": "https://127.0.0.1:9/login"},
            "proxy": "http://127.0.0.1:9",
            "segments": ["equity"],
            "authorize": True,
            "refresh": False,
            "options": {"a": 1},
            "schedule": {"at": "08:20"},
            "timeout": 90,
        }
    },
    "concurrency": 2,
    "stop_timeout": 30,
    "http": {"listen": "127.0.0.1:8321", "token": "t"},
    "watch": {"verify_every": "10m", "relogin": True, "max_per_day": 3},
    "notify": {"urls": ["json://127.0.0.1:9"], "command": "true", "ping": "http://127.0.0.1:9"},
}
TRICKS = [
    *(
        "",
        " ",
        "~",
        "~/x",
        "~nobody/x",
        "~nosuchuser/x",
        "/dev/null/x",
        "/proc/self/mem",
        "..",
        "/",
    ),
    *("a\0b", "\ud800", "\u200b", "\ufeff", "é", "²", "٣", "x" * 300, "x/" * 3000, "\x1b[31m"),
    *(
        "http://[",
        "http://a:99999",
        "https://\ud800/",
        "socks4://a:1",
        "none",
        "javascript:1",
        "//",
    ),
    *("-1", "0", "1e999", "999999999h", "nan", "24:00", "8:15", "* * * * *", "61 25 32 13 8"),
    *(
        "{account}",
        "{",
        "}",
        "{nope}",
        "$(x)",
        "${X}",
        "whsec_",
        "otpauth://totp/?secret=",
        "*",
        "null",
    ),
    {"env": None},
    {"env": "\0"},
    {"file": "\0"},
    {"file": "~nosuchuser/x"},
    {"file": "/"},
    {"file": "x" * 5000},
    {"command": "\0"},
    {"ssm": ""},
    {"aws_secret": "#"},
    {"nope": 1},
    {1: 2},
    {None: None},
    [[]],
    [None],
    {},
    10**400,
    -(10**20),
    float("inf"),
    float("nan"),
    1e-300,
    date(2026, 1, 1),
    datetime(2026, 1, 1),  # noqa: DTZ001
    b"\xff\x00",
    True,
    None,
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.dates()
)
VALUES = st.sampled_from(TRICKS) | st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3)
    ),
    max_leaves=5,
)
NESTED = "[" * 3000
LAUGHS = "\n".join(
    ["x0: &a0 [ha, ha]", *(f"x{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 12))]
)
SNIPPETS = [
    *(
        "\t",
        "\0",
        "\ufeff",
        "'",
        '"',
        "{",
        "[",
        "&a ",
        "*a",
        "!!python/object:os.system x",
        "<<: *a",
    ),
    *("? ", "- ", ": ", "#", "---\n", "...\n", "%YAML 9.9\n", "!!binary x", "!!set {a}", "&a [*a]"),
    *(
        "0x" + "f" * 9000,
        "1" * 9000,
        "|",
        ">",
        "\r",
        "\x85",
        "accounts: *a\n",
        "&a {<<: *a}",
        NESTED,
    ),
    "\n" + LAUGHS + "\nconcurrency: *a11\naccounts: *a11\n",
    "\n" + LAUGHS.replace("ha", "{a: b}") + "\nwatch: {verify_every: *a11}\n",
]


def paths(value, above=()):
    """Each place in a config."""
    yield above
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield from paths(value[key], (*above, key))


PLACES = [path for path in paths(GOOD) if path]


def put(data, path, value):
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


@st.composite
def documents(draw):
    """The good config, with some values replaced and some keys renamed."""
    data = copy.deepcopy(GOOD)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        try:
            put(data, path, draw(VALUES))
        except (TypeError, KeyError, IndexError, AttributeError):
            continue  # what it is a part of has been replaced
    return yaml.safe_dump(data, allow_unicode=draw(st.booleans())).encode(errors="surrogatepass")


@st.composite
def texts(draw):
    """The good config's text, with strange things put in; or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    text = yaml.safe_dump(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        more = draw(st.sampled_from(SNIPPETS) | st.text(max_size=5))
        text = text[:at] + more + text[at + draw(st.integers(0, 5)) :]
    return text.encode(errors="surrogatepass")


@st.composite
def environments(draw):
    """Variables that go over the config: a place's own, or nearly."""
    names = st.sampled_from(PLACES).map(lambda path: "__".join(map(str, path)).upper())
    odd = st.text(st.characters(codec="ascii", exclude_characters="\0="), max_size=10)
    values = st.sampled_from(
        [one for one in TRICKS if isinstance(one, str) and "\0" not in one]
        + [
            "[" * 5000,
            '{"a":' * 5000,
            '{"env": "HOME"}',
            "[1, 2]",
            "{}",
            '{"type": []}',
            "1" * 5000,
        ]
    ) | st.text(st.characters(exclude_characters="\0"), max_size=20)
    suffix = st.sampled_from(["", "", "", "_FILE", "__X", "__"])
    name = st.builds(lambda name, end: f"AUTOLOGIN_{name}{end}", names | odd, suffix)
    return draw(st.dictionaries(name, values, max_size=3))


def fuzz(sample, share):
    """Hypothesis's settings for a sample of so many cases, or for a share of all."""
    return settings(
        max_examples=cases(sample, share),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("fuzz")
    (place / "password").write_text("right battery")
    return place


@pytest.fixture(autouse=True)
def _alone(monkeypatch, folder):
    """No command is run and nobody is asked: what a config names here is made up."""
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", folder / "no-secrets")
    monkeypatch.chdir(folder)
    for kind in ("command", "ssm", "aws_secret"):
        monkeypatch.setitem(secret_refs.KINDS, kind, lambda _text, _context: "JBSWY3DPEHPK3PXP")

    async def build(settings):
        for name, sink in settings.sinks.items():
            try:
                sink.build(name, settings.ref_context)
            except ConfigError as error:
                told(error.problems)
        return []

    monkeypatch.setattr(preflight, "_check_sinks", build)


def told(problems):
    """Each problem can be printed, and says where and what."""
    for problem in problems:
        assert problem.key
        assert problem.message
        f"{problem.key} {problem.message} {problem.hint}".encode()


def read(folder, content, environ=()):
    file = folder / "config.yaml"
    file.write_bytes(content)
    environ = {"HOME": str(folder), "API_SECRET": "x", **dict(environ)}
    began = time.process_time()
    try:
        told(loader.read(file, environ).problems)
    except ConfigError as error:
        told(error.problems)
    assert time.process_time() - began < LONGEST
    return file, environ


def test_values(folder):
    @fuzz(100, 0.1)
    @given(documents())
    def all_of_them(content):
        read(folder, content)

    all_of_them()


def test_texts(folder):
    @fuzz(100, 0.1)
    @given(texts())
    def all_of_them(content):
        read(folder, content)

    all_of_them()


def test_variables(folder):
    plain = yaml.safe_dump(GOOD).encode()

    @fuzz(50, 0.04)
    @given(environments())
    def all_of_them(environ):
        read(folder, plain, environ)

    all_of_them()


def test_what_check_says(folder):
    @fuzz(20, 0.01)
    @given(documents())
    def all_of_them(content):
        file, environ = read(folder, content)
        began = time.process_time()
        told(preflight.run(file, environ, online=False, clock=HandClock()))
        assert time.process_time() - began < LONGEST

    all_of_them()
