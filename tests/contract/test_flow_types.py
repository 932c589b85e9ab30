"""mypy knows a flow's own credentials and options: a mistyped name is found before it fails in the morning."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from autologin.cli.commands.flows import write_new_flow

ROOT = Path(__file__).parents[2]
OPTIONS = """
class MineOptions(Options):
    scope: str = "trading"


"""


def with_options(text):
    """The template's flow, with an option of its own."""
    text = text.replace("    OtpGenerator,\n", "    Options,\n    OtpGenerator,\n")
    text = text.replace("class Mine(BrowserFlow):", OPTIONS.lstrip() + "class Mine(BrowserFlow):")
    text = text.replace(
        "    credentials: MineCredentials\n",
        "    credentials: MineCredentials\n    options: MineOptions\n",
    )
    return text.replace(
        "            self.state_param: nonce,\n",
        '            self.state_param: nonce,\n            "scope": self.options.scope,\n',
    )


def test_a_mistyped_credential_or_option_is_found_and_a_right_one_is_not(tmp_path):
    (source, _) = write_new_flow("mine", tmp_path)
    text = with_options(source.read_text())
    source.unlink()
    typos = text.replace("self.credentials.api_key,", "self.credentials.api_kee,", 1).replace(
        "options.scope", "options.scoop"
    )
    assert typos != text
    files = {"right.py": text, "typos.py": typos}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--no-error-summary",
    ]
    command += ["--cache-dir", str(ROOT / ".mypy_cache"), *(str(tmp_path / name) for name in files)]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    found = re.findall(r"(\w+\.py):\d+: error: (.*)", done.stdout)
    assert [(name, re.findall(r'"(\w+)"', words)[:2]) for name, words in found] == [
        ("typos.py", ["MineCredentials", "api_kee"]),
        ("typos.py", ["MineOptions", "scoop"]),
    ], done.stdout + done.stderr
