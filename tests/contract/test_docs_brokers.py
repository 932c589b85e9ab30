"""What README and the brokers' pages say of each flow is what the flow says of itself: `make docs` writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import User

from autologin.cli.commands.flows import describe_login, markdown_head
from autologin.flow import registry

ROOT = Path(__file__).parents[2]
NAMES = registry.names()


async def test_the_table_in_the_readme_is_what_the_command_prints(tmp_path):
    done = await User(tmp_path).says("flows", "--markdown")
    assert done.code == 0
    rows = [line for line in done.out.splitlines() if line.startswith("| [")]
    assert len(rows) == len(NAMES)
    assert f"\n\n{done.out}\n" in (ROOT / "README.md").read_text(), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_each_page_begins_with_what_the_flow_says(name):
    page = (ROOT / "docs" / "brokers" / f"{name}.md").read_text()
    assert page.startswith(markdown_head(registry.load(name)) + "\n\n"), "run `make docs`"


def test_a_page_is_written_for_every_flow_and_for_no_other():
    assert sorted(file.stem for file in (ROOT / "docs" / "brokers").glob("*.md")) == NAMES


def test_how_it_logs_in_is_told_from_the_credentials():
    told = {
        name: describe_login(registry.load(name))
        for name in ("upstox", "groww", "icici_oauth", "motilal")
    }
    assert told == {
        "upstox": "page: mobile number, TOTP, PIN",
        "groww": "API, no browser: API key, TOTP",
        "icici_oauth": "page: user id, password, TOTP if asked",
        "motilal": "API, no browser: user id, password, date of birth or PAN, TOTP",
    }


@pytest.mark.parametrize("words", [["zerodha"], ["--json"]])
async def test_the_table_is_of_all_brokers(tmp_path, words):
    done = await User(tmp_path).says("flows", "--markdown", *words)
    assert done.code == 2
    assert "| zerodha" not in done.out


def test_the_script_changes_nothing_where_all_is_right(tmp_path):
    files = [ROOT / "README.md", *(ROOT / "docs" / "brokers").glob("*.md")]
    copy = tmp_path / "scripts"
    copy.mkdir()
    (tmp_path / "docs" / "brokers").mkdir(parents=True)
    (copy / "write-docs").write_bytes((ROOT / "scripts" / "write-docs").read_bytes())
    for file in files:
        (tmp_path / file.relative_to(ROOT)).write_bytes(file.read_bytes())
    subprocess.run([sys.executable, copy / "write-docs"], check=True)
    assert [
        file
        for file in files
        if file.read_bytes() != (tmp_path / file.relative_to(ROOT)).read_bytes()
    ] == []
