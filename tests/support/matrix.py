"""What is true when something fails: stages of a login, faults, and what a run must end with, as data.

A run ends with one word: the name of its error, "issued", or "ended by" a signal. `RULES` says which words are right by
the kinds of stage and fault; `EXCEPTIONS` is what a stage has of its own. A pair that neither names makes no sense and
is shown as "-". `support/matrix_runs.py` makes the faults and checks what else must be so.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Stage:
    """Where a run is when the fault comes.

    local: before or beside the calls; page, call, verify, sink: at a `call` to an endpoint (`role`) of the
    broker's, before which the reply to the call `before` comes last; serve: the service, with nothing to do.
    """

    name: str
    kind: str
    sample: str
    """The fault that `make test` takes; `make nightly` takes them all."""
    broker: str = "angelone"
    role: str = ""
    call: str = ""
    before: str = ""


@dataclass(frozen=True)
class Fault:
    """What happens. `column` is its heading in the matrix."""

    name: str
    kind: str
    column: str


ANGEL = "POST /rest/auth/angelbroking/user/v1/loginByPassword"
PROFILE = "GET /rest/secure/angelbroking/user/v1/getProfile"
KITE = ("zerodha", "login")

STAGES = [
    Stage("config", "local", "SIGTERM"),
    Stage("lease and store", "local", "newer"),
    Stage("browser start", "local", "SIGINT", "zerodha"),
    Stage("login page", "page", "self-signed", *KITE, "GET /connect/login"),
    Stage(
        "password submit",
        "page",
        "429 locked",
        *KITE,
        "POST /api/login",
        before="GET /connect/login",
    ),
    Stage("OTP submit", "page", "SIGKILL", *KITE, "POST /api/twofa", before="POST /api/login"),
    Stage("redirect", "page", "SIGTERM", *KITE, "GET /connect/finish", before="POST /api/twofa"),
    Stage("exchange", "call", "SIGTERM", "zerodha", "api", "POST /session/token"),
    Stage("verify", "verify", "50 MB", role="api", call=PROFILE, before=ANGEL),
    Stage("token store", "local", "disk full", role="api", call=ANGEL),
    Stage("delivery, file", "local", "read-only"),
    Stage("delivery, webhook", "sink", "reset within", role="hook", call="POST /hooks/token"),
    Stage("API login", "call", "cut JSON", role="api", call=ANGEL),
    Stage("serve, idle", "serve", "SIGTERM"),
]

FAULTS = [
    Fault("SIGKILL", "signal", "kill"),
    Fault("SIGTERM", "signal", "term"),
    Fault("SIGINT", "signal", "int"),
    Fault("browser killed", "browser", "brk"),
    Fault("browser frozen", "browser", "brf"),
    Fault("refused", "connection", "refu"),
    Fault("reset before", "wire", "rst0"),
    Fault("reset within", "wire", "rst1"),
    Fault("stall", "wire", "stal"),
    Fault("drip", "wire", "drip"),
    Fault("no such host", "host", "dns"),
    Fault("self-signed", "host", "tlsS"),
    Fault("expired", "host", "tlsE"),
    Fault("other host", "host", "tlsH"),
    Fault("502", "later", "502"),
    Fault("429", "later", "429"),
    Fault("429 seconds", "later", "429s"),
    Fault("429 date", "later", "429d"),
    Fault("429 absurd", "later", "429x"),
    Fault("429 locked", "locked", "429L"),
    Fault("cut JSON", "content", "cut"),
    Fault("HTML", "content", "html"),
    Fault("empty", "content", "empt"),
    Fault("50 MB", "content", "50MB"),
    Fault("elsewhere", "elsewhere", "else"),
    Fault("disk full", "disk", "full"),
    Fault("read-only", "disk", "ro"),
    Fault("damaged", "store", "dmg"),
    Fault("newer", "store", "new"),
    Fault("clock +90 s", "clock", "+90s"),
    Fault("clock -90 s", "clock", "-90s"),
    Fault("clock +6 h", "clock", "+6h"),
    Fault("clock -6 h", "clock", "-6h"),
]

EXIT = {
    "issued": 0,
    "still_valid": 0,
    "stopped": 0,
    "store_error": 1,
    "config_error": 2,
    "account_locked": 3,
    "account_blocked": 3,
    "exchange_rejected": 3,
    "page_changed": 4,
    "redirect_timeout": 4,
    "broker_unavailable": 5,
    "browser_crashed": 5,
    "delivery_failed": 6,
    "ended by SIGKILL": -9,
    "ended by SIGTERM": 143,
    "ended by SIGINT": 130,
}
"""The exit code that goes with each word."""

AWAY = {"broker_unavailable"}
KEPT = {"issued"}
"""The broker says nothing of a new token: it is kept, and delivered."""
OWED = {"delivery_failed"}
AGAIN = {"issued", "browser_crashed", "broker_unavailable"}
"""It is tried once more, which may have to wait for the next OTP, for longer than the run lasts."""
LOST = {"page_changed", "redirect_timeout"}

RULES = {
    **{(kind, "signal"): {"ended by {}"} for kind in ("page", "call", "verify", "sink")},
    ("page", "browser"): AGAIN,
    **{
        (stage, fault): AWAY
        for stage in ("page", "call")
        for fault in ("connection", "wire", "host", "later")
    },
    ("call", "content"): AWAY,
    ("call", "locked"): {"account_locked"},
    ("call", "elsewhere"): AWAY,
    ("page", "locked"): {"account_locked"},
    ("page", "elsewhere"): {"page_changed"},
    **{
        ("verify", fault): KEPT
        for fault in ("connection", "wire", "later", "locked", "content", "elsewhere")
    },
    **{
        ("sink", fault): OWED
        for fault in ("connection", "wire", "host", "later", "locked", "elsewhere")
    },
    ("sink", "content"): KEPT,
    ("page", "disk"): {"store_error"},
    ("verify", "disk"): {"store_error"},
}

NONSENSE = None
HOST = ("no such host", "self-signed", "expired", "other host")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
CLOCKS = ("clock +90 s", "clock -90 s", "clock +6 h", "clock -6 h")

EXCEPTIONS = {
    # Local stages have no rule: what each of them can meet with.
    **{
        (stage, fault): {"ended by {}"}
        for stage in ("config", "lease and store", "browser start")
        for fault in SIGNALS
    },
    ("config", "stall"): {"config_error"},  # a secret's command that never ends
    ("lease and store", "stall"): AWAY,  # another process has the lease, and keeps it
    ("lease and store", "disk full"): {"store_error"},
    ("lease and store", "read-only"): {"config_error"},
    ("lease and store", "damaged"): {"store_error"},
    ("lease and store", "newer"): {"store_error"},
    ("browser start", "browser killed"): {"browser_crashed"},
    ("browser start", "browser frozen"): {"browser_crashed", "broker_unavailable"},
    ("token store", "disk full"): {"store_error"},
    ("delivery, file", "read-only"): OWED,
    ("delivery, file", "disk full"): OWED,
    **{("serve, idle", fault): {"stopped"} for fault in ("SIGTERM", "SIGINT", "disk full")},
    ("serve, idle", "SIGKILL"): {"ended by {}"},
    # One code more in a new window, by the broker's clock.
    **{(stage, fault): {"issued"} for stage in ("login page", "API login") for fault in CLOCKS},
    **{("serve, idle", fault): {"stopped"} for fault in CLOCKS},
    # A connection is made once for all calls of an origin: this comes at the first of them.
    **{
        (stage, fault): NONSENSE
        for stage in ("password submit", "OTP submit", "redirect")
        for fault in HOST
    },
    # A page is no reply of an API: nothing that it knows is on it, or the redirect never comes.
    **{("login page", fault): {"page_changed"} for fault in ("cut JSON", "HTML", "empty")},
    **{("redirect", fault): LOST for fault in ("cut JSON", "HTML", "empty", "elsewhere")},
    # 50 MB of text take a browser longer to show than there is time.
    ("login page", "50 MB"): AWAY | {"page_changed"},
    ("redirect", "50 MB"): AWAY | LOST,
    # Nobody has said yet, or says any more, whose account is meant.
    ("login page", "429 locked"): AWAY,
    ("redirect", "429 locked"): AWAY,
    # No password goes there, and the code is not sent again.
    ("exchange", "429 locked"): {"exchange_rejected"},
    # The page's script cannot read the reply: it may say so, stand still, or send it again.
    **{
        (stage, fault): {"page_changed", "broker_unavailable"}
        for stage in ("password submit", "OTP submit")
        for fault in ("cut JSON", "HTML", "empty", "50 MB")
    },
    # The browser has done its part.
    ("exchange", "browser killed"): {"issued"},
    ("exchange", "browser frozen"): {"issued"},
    # The broker has answered, and the store cannot keep it: the sinks have it.
    ("exchange", "disk full"): {"store_error"},
    # A state folder cannot become read-only under an open file.
    **{(stage.name, "read-only"): NONSENSE for stage in STAGES if stage.kind in ("page", "verify")},
}

BLOCKED_NEXT = {("password submit", "reset before")}
"""Where the next run may be blocked: a password that was never right yet, and Chromium may have sent each twice."""
MOUNT = ("mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "none")
LINGERS = {("browser start", "SIGKILL"): 35.0}
"""Seconds after which nothing runs any more, where we cannot see to that: Playwright waits for a browser to start."""


def expected(stage, fault):
    """The words that a run may end with, None where stage and fault make no sense together."""
    if (stage.name, fault.name) == ("delivery, file", "disk full") and not can_mount():
        return None  # there is no other way to fill this disk alone
    words = EXCEPTIONS.get((stage.name, fault.name), RULES.get((stage.kind, fault.kind)))
    return words and {word.format(fault.name) for word in words}


@cache
def can_mount():
    """Whether a small disk can be mounted, to be filled: by root, where the kernel lets it."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run([*MOUNT, folder], check=False, capture_output=True).returncode == 0
        return mounted and subprocess.run(["umount", folder], check=False).returncode == 0


def cells():
    """The stages and faults that are run now: all, where the environment says MATRIX=all, else one of each stage."""
    everything = os.environ.get("MATRIX") == "all"
    return [
        (stage, fault)
        for stage in STAGES
        for fault in FAULTS
        if expected(stage, fault) and (everything or fault.name == stage.sample)
    ]


def drawn(results):
    """The matrix as text; `results` maps pairs of names to whether all was right."""
    width = max(len(stage.name) for stage in STAGES)
    lines = [" " * width + "".join(f" {fault.column:>4}" for fault in FAULTS)]
    for stage in STAGES:
        row = "".join(f" {_mark(stage, fault, results):>4}" for fault in FAULTS)
        lines.append(f"{stage.name:<{width}}{row}")
    named = [f"{fault.column} {fault.name}" for fault in FAULTS if fault.column != fault.name]
    return [*lines, f"{', '.join(named)}; -: makes no sense; empty: only with MATRIX=all"]


def _mark(stage, fault, results):
    if expected(stage, fault) is None:
        return "-"
    passed = results.get((stage.name, fault.name))
    return "" if passed is None else "ok" if passed else "FAIL"
