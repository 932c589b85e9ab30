"""A board for the HTTP server: a real config and a real store, and a service that does nothing but remember."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr
from support.store import save

from autologin.config import loader
from autologin.config.schema import Settings
from autologin.login import artifacts
from autologin.store.store import Store
from autologin.token import Token

SECRET = "access-token-canary"
PASSWORD = "pass-word-canary"
TOKEN = "type-me-canary"
CONFIG = f"""
accounts:
  mine: &account
    broker: zerodha
    credentials:
      {{api_key: "k", api_secret: "s3cret-canary", user_id: "AB1234", password: "{PASSWORD}", totp_secret: "JBSWY3DPEHPK3PXP"}}
    sinks: [tokens, hook]
  hers: *account
sinks:
  tokens: {{type: file, path: "./tokens/{{account}}.json"}}
  hook: {{type: webhook, url: "https://example.com/hook", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}
state: {{path: state}}
notify: {{command: ./tell}}
"""
WITH_TOKEN = CONFIG + f'http: {{token: "{TOKEN}"}}\n'


@dataclass
class Board:
    """What the service shows, to be set by hand."""

    settings: Settings
    store: Store
    clock: object
    due: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)
    planned: dict[str, datetime] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    untaken: list = field(default_factory=list)

    def next_run(self, account):
        return self.planned.get(account)

    def due_now(self, account):
        return account in self.due and account not in self.later

    def due_today(self, account):
        return account in self.due

    def untaken_notices(self):
        return self.untaken

    def running(self, account):
        return account in self.under_way

    async def run_now(self, account):
        self.asked.append(account)

    async def unblock(self, account):
        return self.store.attempts.unblock(account)

    # What happens to an account

    def issue(self, account="mine", *, verified=True, hours=20.0):
        token = Token(
            SecretStr(SECRET),
            self.clock.now(),
            self.clock.now() + timedelta(hours=hours),
            "AB1234",
            {},
        )
        save(self.store, account, token, sinks=["tokens", "hook"])
        self.store.outbox.release(account)
        if verified:
            self.store.tokens.mark_verified(account, token)

    def ran(self, outcome="issued", error=None, *, account="mine", seconds=4.25, stages=None):
        row = self.store.history.begin_run(account, "zerodha")
        known = {
            "config": 0.01,
            "browser": 0.6,
            "login": 2.1,
            "capture": 0.3,
            "exchange": 0.4,
            "verify": 0.2,
        }
        self.store.history.end_run(
            row,
            outcome,
            error,
            seconds=seconds,
            stages=known if stages is None else stages,
            skew=-1.5,
        )

    def fail(self, error, *, account="mine", picture=None, masking=artifacts.MASKING):
        """A run that failed, with the bundle that is kept of it; `masking` is its picture's."""
        self.ran(
            "failed", error, account=account, stages={"config": 0.01, "browser": 0.7, "login": 8.0}
        )
        place = (
            self.settings.state.path
            / "failures"
            / f"{self.clock.now():%Y%m%dT%H%M%S.%f}-{account}-{error.name}"
        )
        place.mkdir(parents=True)
        (place / "screenshot.png").write_bytes(picture or png())
        (place / "report.json").write_text(json.dumps({"masking": masking}))


def board(folder, clock, text=CONFIG):
    """A board with a store in a folder."""
    (folder / "config.yaml").write_text(text)
    settings = loader.load(folder / "config.yaml", {"HOME": str(folder)})
    return Board(settings, Store.open(settings.state.path, clock), clock)


def png(width=640, height=360, grey=230):
    """A plain picture."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + bytes([grey]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
