"""A flow that was just written by `autologin flows new`, and its twin: they work at once, and nothing is overwritten."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import User

ROOT = Path(__file__).parents[2]


async def test_the_template_logs_in_at_its_twin(tmp_path):
    user = User(tmp_path)
    done = await user.says("flows", "new", "my_broker")
    assert done.code == 0, done.err
    assert "autologin sandbox --broker my_broker > config.yaml" in done.err
    sandbox = await user.start("sandbox", "--port", "0", "--broker", "my_broker")
    try:
        lines = []
        async with asyncio.timeout(60):
            while "Brokers," not in (detail := (await sandbox.stderr.readline()).decode()):
                assert detail, "the sandbox ended"
            while (line := (await sandbox.stdout.readline()).decode()).strip():
                lines.append(line)
        (tmp_path / "config.yaml").write_text("".join(lines))
        (tmp_path / "config.yaml").chmod(0o600)
        done = await user.says("run", "my_broker", "--json")
        assert done.code == 0, done.err
        assert (await user.says("status", "--verify")).code == 0
    finally:
        sandbox.terminate()
        await sandbox.wait()


async def test_nothing_is_overwritten_and_bad_names_are_refused(tmp_path):
    user = User(tmp_path)
    assert (await user.says("flows", "new", "mine", "--folder", "own")).code == 0
    before = (tmp_path / "own" / "mine.py").read_text()
    for name in ("mine", "zerodha", "9lives", "a-b", "class", "../x", "new"):
        done = await user.says("flows", "new", name, "--folder", "own")
        assert done.code == 2, name
    assert (tmp_path / "own" / "mine.py").read_text() == before
    assert {file.name for file in (tmp_path / "own").iterdir()} == {"mine.py", "_mine_twin.py"}


@pytest.mark.parametrize("name", ["mybroker", "x"])
def test_the_templates_are_clean(tmp_path, name):
    from autologin.cli.commands.flows import write_new_flow

    flow, twin = write_new_flow(name, tmp_path)
    for file, like in (
        (flow, ROOT / "flows" / flow.name),
        (twin, ROOT / "autologin" / "sandbox" / twin.name),
    ):
        if name == "mybroker":
            for words in (["check"], ["format", "--check"]):
                command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", str(like), "-"]
                done = subprocess.run(
                    command, check=False, input=file.read_bytes(), capture_output=True, cwd=ROOT
                )
                assert done.returncode == 0, done.stdout.decode()
        compile(file.read_text(), str(file), "exec")
