"""A newcomer's first five minutes: questions in a real terminal, then a login with what they wrote."""

from __future__ import annotations

import asyncio
import stat

import pytest
import yaml
from support.cli import User
from support.leaks import leaks
from support.sandbox import rehearsal
from support.terminal import Terminal

from autologin.config import accounts, loader
from autologin.flow import registry


def dialogue(broker, twin, wrong=()):
    """What is asked, in order, and the answers that are right at the sandbox."""
    fields = registry.load(broker).credentials_class.model_fields
    asked = [("Name of the account", "")]
    for key in sorted(fields, key=lambda key: not fields[key].is_required()):
        prompt = f"{key}{' (hidden)' if accounts.is_secret(registry.load(broker), key) else ''}"
        asked += [(prompt, answer) for name, answer in wrong if name == key]
        asked += [(prompt, twin.credentials.get(key) or "")]
    flow = registry.load(broker)
    return asked + [
        (f"{name}: ", twin.endpoints[name])
        for name in flow.endpoints
        if name in flow.needs_endpoints
    ]


async def typed(terminal, pairs):
    """Answer, while the sandbox in this process goes on."""
    for asked, text in pairs:
        await asyncio.to_thread(terminal.prompted, asked)
        terminal.key(text.encode() + b"\n")


async def ended(terminal):
    return await asyncio.to_thread(terminal.code)


def secret_files(folder):
    return sorted(file for file in (folder / "secrets").rglob("*") if file.is_file())


@pytest.mark.parametrize("broker", ["zerodha", "groww", "oauth2"])
async def test_from_the_first_question_to_a_token(tmp_path, broker):
    served, home = tmp_path / "served", tmp_path / "home"
    served.mkdir()
    home.mkdir()
    async with rehearsal(served, broker=broker) as walk:
        with Terminal(home, "init", broker) as terminal:
            await typed(
                terminal, dialogue(broker, walk.twin, wrong=[("totp_secret", "not a seed 189")])
            )
            code = await ended(terminal)
        assert code == 0, terminal.seen
        assert "Not accepted: not a TOTP seed" in terminal.seen
        assert "codes of 6 digits, a new one every 30 seconds" in terminal.seen
        assert f"Next: autologin run {broker}" in terminal.seen
        hidden = [
            value
            for key, value in walk.twin.credentials.items()
            if accounts.is_secret(registry.load(broker), key)
        ]
        assert leaks([*hidden, "not a seed 189"], [terminal.seen, home / "config.yaml"]) == []
        for file in [home / "config.yaml", *secret_files(home)]:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE((home / "secrets" / broker).stat().st_mode) == 0o700
        data = yaml.safe_load((home / "config.yaml").read_text())
        data["accounts"][broker] |= {
            "endpoints": walk.twin.endpoints,
            "options": walk.twin.options or {},
        }
        (home / "config.yaml").write_text(yaml.safe_dump(data))
        done = await User(home).says("run", broker, "--json")
        assert done.code == 0, done.err
        assert (home / "tokens" / f"{broker}.json").is_file()


GROWW = [
    ("Name of the account", ""),
    ("api_key", "eyJhbGciOi.sand.box"),
    ("totp_secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"),
]
EXISTING = """# mine
schedule: {at: "08:20"}
accounts:
    # my first
    old:
        broker: groww  # as it was
        credentials: {api_key: "a", totp_secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"}
        sinks: [mine]
sinks:
  mine: {type: file, path: "./t/{account}.json"}  # kept
"""


def walked(folder, pairs, *words):
    with Terminal(folder, *words) as terminal:
        for asked, text in pairs:
            terminal.prompted(asked)
            terminal.key(text.encode() + b"\n")
        return terminal.code(), terminal.seen


def test_an_otpauth_address_can_be_pasted_and_the_broker_chosen(tmp_path):
    address = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ&digits=8&period=60"
    code, seen = walked(
        tmp_path,
        [("Broker", "growww"), ("Broker", "groww"), *GROWW[:2], ("totp_secret", address)],
        "init",
    )
    assert code == 0, seen
    assert "Zerodha" in seen
    assert 'Did you mean "groww"?' in seen
    assert "codes of 8 digits, a new one every 60 seconds" in seen
    assert "JBSWY3DP" not in seen


@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["ctrl-c", "end"])
@pytest.mark.parametrize("answered", [0, 1, 2])
def test_who_stops_leaves_nothing(tmp_path, key, answered):
    with Terminal(tmp_path, "init", "groww") as terminal:
        for asked, text in GROWW[:answered]:
            terminal.prompted(asked)
            terminal.key(text.encode() + b"\n")
        terminal.prompted(GROWW[answered][0])
        terminal.stop(key)
        assert terminal.code() == 130
    assert "Stopped: nothing was written." in terminal.seen
    assert list(tmp_path.iterdir()) == []


def test_an_existing_config_keeps_every_line(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(EXISTING)
    file.chmod(0o640)
    code, seen = walked(
        tmp_path,
        [
            ("Name of the account", "my/old"),
            ("Name of the account", "old"),
            ("Name of the account", "new"),
            *GROWW[1:],
        ],
        "init",
        "groww",
    )
    assert "is not a usable name. Use letters, digits" in seen
    assert "the config already has an account of this name" in seen
    after = file.read_text()
    lines = iter(after.splitlines())
    assert all(line in lines for line in EXISTING.splitlines()), "something was lost or moved"
    settings = loader.load(file, {"HOME": str(tmp_path)})
    assert settings.accounts["new"].sinks == ["mine"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert "autologin run new" in seen
    assert code == 0, seen


def test_a_config_that_cannot_be_extended_is_left_and_the_block_printed(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text('{sinks: {t: {type: file, path: "./t/{account}.json"}}}\n')
    before = file.read_text()
    code, seen = walked(tmp_path, GROWW, "init", "groww")
    assert code == 2
    assert "cannot be extended safely" in seen
    assert "api_key: {file:" in seen
    assert file.read_text() == before
    assert [one.name for one in secret_files(tmp_path)] == ["api_key", "totp_secret"]


def test_a_folder_of_secrets_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "secrets" / "groww").mkdir(parents=True)
    (tmp_path / "secrets" / "groww" / "api_key").write_text("mine")
    code, seen = walked(
        tmp_path, [GROWW[0], ("Name of the account", "g2"), *GROWW[1:]], "init", "groww"
    )
    assert code == 0, seen
    assert "already a folder secrets/groww" in seen
    assert (tmp_path / "secrets" / "groww" / "api_key").read_text() == "mine"


async def test_without_a_terminal_it_says_what_to_do(tmp_path):
    done = await User(tmp_path).says("init", "groww", stdin="x\n")
    assert done.code == 2
    assert "needs a terminal to ask its questions" in done.err
    assert list(tmp_path.iterdir()) == []
