"""A user's own flow that cannot be used: one of before 0.1.0 is told line by line what to change, any other what it lacks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.cli import User

from autologin.errors import ConfigError
from autologin.flow import old_style, registry

OLD = Path(__file__).parent / "old_flows"
PAGE = {
    (21, "`from autologin.otp import TotpSeed`"): "Import `TotpSeed` from `autologin.flow`.",
    (22, "`from autologin.screen import Field`"): "Import `InputField` from `autologin.flow`.",
    (23, "`from autologin.steps import Script`"): "Import `LoginScript` from `autologin.flow`.",
    (33, "`from autologin.page import LoginPage`"): "a flow gets no page",
    (51, "`flow.Flow`"): "`BrowserFlow` or `ApiFlow`",
    (60, "`code_params`"): "Call it `auth_code_params`.",
    (61, "`Credentials`"): "Write `credentials: Credentials`",
    (63, "the method `login_url`"): "Return `LoginRequest(url)`",
    (69, "the method `login`"): "Write `def login_script(self, otp)`",
    (84, "`flow.refused`"): "Call it `exchange_error`",
}
API = {
    (18, "`from autologin.flow import Limit`"): "Import `RateLimit` from `autologin.flow`.",
    (38, "`flow.exactly`"): "Call it `digits`",
    (50, "`needs_browser`"): "`ApiFlow` over the broker's API",
    (52, "`limits`"): "Call it `rate_limits`",
    (65, "`flow.json_of`"): "Call it `json_object`",
}
PKCE = {
    (23, "`from autologin.steps import Turn`"): "Import `Click` from `autologin.flow`.",
    (75, "`Options`"): "Write `options: Options`",
    (84, "the method `login_url`"): "Return `LoginRequest(url)`",
    (111, "the method `resume`"): "`exchange` reads as `auth_code.verifier`",
}


@pytest.fixture
def own(tmp_path):
    """A folder of a user's own flows, for a while."""
    registry.use_folder(tmp_path)
    yield tmp_path
    registry.FLOWS.__path__.remove(str(tmp_path))
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(f"autologin.flows.{file.stem}", None)


def problems_of(broker):
    with pytest.raises(ConfigError) as caught:
        registry.load(broker)
    return {problem.key: problem for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("broker", "wanted"), [("mybroker", PAGE), ("olddhan", API), ("oldoauth", PKCE)]
)
def test_a_flow_in_the_old_style_is_told_what_to_change(own, broker, wanted):
    (own / f"{broker}.py").write_text((OLD / f"{broker}.txt").read_text())
    problems = problems_of(broker)
    assert problems[f"flows.{broker}"].message == f"{broker}.py is written for an older autologin"
    for (line, old), new in wanted.items():
        assert old in problems[f"flows.{broker}:{line}"].message
        assert new in problems[f"flows.{broker}:{line}"].hint


async def test_check_says_so_too(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "olddhan.py").write_text((OLD / "olddhan.txt").read_text())
    config = tmp_path / "config.yaml"
    config.touch(mode=0o600)
    config.write_text(
        'flows_dir: own\naccounts:\n  a:\n    broker: olddhan\n    credentials: {client_id: "1"}\n'
    )
    done = await User(tmp_path).says("check")
    assert done.code == 2
    assert "flows.olddhan:50: `needs_browser`\n" in done.out + done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[2].glob("flows/*.py")), ids=lambda file: file.stem
)
def test_nothing_of_the_old_style_is_left_in_a_flow_of_ours(file):
    assert old_style.changes(file.read_text()) == []


NEW = """
from autologin.flow import ApiFlow, BrowserFlow, Credentials
from autologin.flow.base import Flow


class MineCredentials(Credentials):
    user_id: str


class Mine({base}):
    broker = "mine"
{body}
"""
VERIFY = "    async def verify(self, token, http): ...\n"
SIGN_IN = "    async def sign_in(self, http, otp, now): ...\n"
TYPED = "    credentials: MineCredentials\n"


@pytest.mark.parametrize(
    ("base", "body", "words"),
    [
        ("ApiFlow", TYPED + VERIFY, "does not define sign_in"),
        ("BrowserFlow", TYPED + VERIFY, "does not define exchange, login_script, login_url"),
        ("Flow", TYPED + VERIFY, "neither from BrowserFlow nor from ApiFlow"),
        ("ApiFlow", VERIFY + SIGN_IN, "no line such as `credentials: MineCredentials`"),
        ("ApiFlow", "    credentials: Missing\n" + VERIFY, "NameError"),
        ("object", "", 'no flow with broker = "mine"'),
    ],
)
def test_a_flow_that_lacks_something_is_told_what(own, base, body, words):
    (own / "mine.py").write_text(NEW.format(base=base, body=body))
    problem = problems_of("mine")["flows.mine"]
    assert words in problem.message
    assert "docs/adding-a-broker.md" in problem.hint


@pytest.mark.parametrize("start", ["", "from __future__ import annotations\n"])
def test_the_config_is_checked_by_the_class_that_the_flow_annotates(own, start):
    (own / "mine.py").write_text(start + NEW.format(base="ApiFlow", body=TYPED + VERIFY + SIGN_IN))
    flow = registry.load("mine")
    assert list(flow.credentials_class.model_fields) == ["user_id"]
    assert list(flow.options_class.model_fields) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise SystemExit", "cannot be used: SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('q')", "BaseException: q"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("class Odd(Exception):\n    __str__ = None\nraise Odd", "cannot be used: Odd"),
    ],
)
def test_what_ends_the_import_of_a_flow_is_told(own, text, words):
    (own / "mine.py").write_text(text + "\n")
    assert words in problems_of("mine")["flows.mine"].message


def test_ctrl_c_at_the_import_of_a_flow_is_no_mistake_in_it(own):
    (own / "mine.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nx = 1\n")
    with pytest.raises(KeyboardInterrupt):
        registry.load("mine")


def add_odd_entries(folder):
    (folder / ".#groww.py").symlink_to("me@host.1234:5678")
    (folder / "dangling.py").symlink_to("nowhere")
    (folder / "#dhan.py#").write_text("half a flo")
    (folder / "folder.py").mkdir()
    os.mkfifo(folder / "groww.py")


def test_what_is_no_file_in_the_folder_is_left_out(own):
    (own / "mine.py").write_text(NEW.format(base="ApiFlow", body=TYPED + VERIFY + SIGN_IN))
    add_odd_entries(own)
    assert [file.name for file, _ in registry.use_folder(own)] == ["mine.py"]
    assert {file.name: why for file, why in registry.skipped(own)} == {
        ".#groww.py": "hidden",
        "dangling.py": "a link that leads nowhere",
        "folder.py": "no file",
        "groww.py": "no file",
    }
    assert registry.load("mine").__name__ == "Mine"
    assert registry.load("groww").title == "Groww"
    assert not {"folder", "dangling", "#dhan", ".#groww"} & {*registry.names()}


async def test_commands_do_without_what_is_no_file(tmp_path):
    (tmp_path / "own").mkdir()
    add_odd_entries(tmp_path / "own")
    config = tmp_path / "config.yaml"
    config.touch(mode=0o600)
    config.write_text(
        "flows_dir: own\nstate: {path: state}\naccounts:\n  a: {broker: groww, credentials: "
        '{api_key: "k", totp_secret: "JBSWY3DPEHPK3PXP"}}\n'
    )
    said = await User(tmp_path).says("check")
    assert "left out: .#groww.py (hidden), dangling.py (a link that leads nowhere)" in said.out
    for words in (("status",), ("flows",), ("flows", "groww")):
        done = await User(tmp_path).says(*words)
        assert "mistake" not in done.out + done.err
        assert "groww" in done.out.lower() or words == ("status",)
