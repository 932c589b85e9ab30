"""What a shell completes: click's protocol for each shell, and a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from support.cli import User

from autologin.config import loader
from autologin.flow import registry

CONFIG = "accounts:\n  mine: {broker: groww}\n  yours: {broker: groww}\n"


def completed(folder, shell, line):
    environ = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "_AUTOLOGIN_COMPLETE": f"{shell}_complete",
    }
    words = line.split(" ")
    environ |= {
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
    }
    code = "from autologin.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environ,
        timeout=30,
    )
    assert done.stderr == ""
    parts = done.stdout.split("\n")
    return {word.split("\t")[0] for part in parts for word in part.split(",")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("autologin ini", "init"),
        ("autologin init zer", "zerodha"),
        ("autologin flows oau", "oauth2"),
        ("autologin run mi", "mine"),
        ("autologin token y", "yours"),
        ("autologin sandbox --broker up", "upstox"),
        ("autologin sandbox --scenario zerodha=wrong_code_o", "zerodha=wrong_code_once"),
        ("autologin run --hea", "--headed"),
    ],
)
def test_the_protocol(tmp_path, shell, line, found):
    (tmp_path / "config.yaml").write_text(CONFIG)
    assert found in completed(tmp_path, shell, line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(tmp_path, shell):
    words = [sys.executable, "-m", "autologin", "completion", shell]
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        words, check=True, capture_output=True, text=True, env=environ, timeout=30
    )
    assert f"_AUTOLOGIN_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell):
        assert (
            subprocess.run(
                [shell, "-n"], check=False, input=done.stdout, text=True, capture_output=True
            ).stderr
            == ""
        )


def test_a_real_bash(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    command = tmp_path / "autologin"
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from autologin.cli.main import main; main()" "$@"\n'
    )
    command.chmod(0o755)
    script = """eval "$(autologin completion bash)"; COMP_WORDS=(autologin run mi); COMP_CWORD=2
    _autologin_completion autologin; echo "${COMPREPLY[@]}" """
    environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ,
        timeout=30,
    )
    assert (done.stdout.strip(), done.stderr) == ("mine", "")


@pytest.mark.parametrize("broker", registry.names())
async def test_the_block_of_every_flow_loads(tmp_path, broker):
    done = await User(tmp_path).says("flows", broker)
    file = tmp_path / "config.yaml"
    for text in (done.out, done.out.replace("      # client_secret: ", "      client_secret: ")):
        file.write_text(text)
        assert loader.load(file, {"HOME": str(tmp_path)}).accounts[broker].broker == broker
    for field in registry.load(broker).credentials_class.model_fields.values():
        assert field.description.split()[0] in done.out
