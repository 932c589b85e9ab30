"""What the map says of the code: who may import whom, where things are done, how long a function is."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "autologin").rglob("*.py")) + sorted((ROOT / "flows").glob("*.py"))
LAYERS = (
    {"cli", "__main__"},
    {"webhooks", "notices", "firststeps"},
    {"commands"},
    {"words"},
    {"daemon"},
    {"service", "http"},
    {"metrics", "panel", "gate"},
    {"readiness"},
    {*("oneshot", "demo", "out", "early"), *("status", "byhand", "agenda", "catalogue", "check", "install", "listen")}
    | {"handover", "client", "healthcheck", "init", "extend", "newflow"},
    {"run", "signin"},
    {"app", "notify", "schedule"},
    {"bundle", "page", "entry", "view", "judge", "hands", "browser", "capture", "replies"},
    {"lease", "journal", "delivery", "exchange"},
    {"policy"},
    {"store", "seal", "owner", "stages"},
    {"config", "consistency"},
    {"market", "overrides"},
    {"settings", "sources", "yaml_file", "registry", "sinks"},
    {"secrets"},
    {"problems", "aws"},
    {"flows"},
    {"flow", "steps", "screen", "otp"},
    {"message", "formats"},
    {"token", "log", "clock", "atomic", "serving"},
    {"errors"},
    {"redaction"},
)
"""Imports go down only. Within a layer they may go both ways, but for types nobody counts."""
ONLY = {
    "apprise": {"notify"},
    "apscheduler": {"schedule"},
    "sqlite3": {"store"},
    "cryptography": {"seal"},
    "boto3": {"aws"},
    "botocore": {"aws"},
    "loguru": {"log"},
    "jinja2": {"sandbox", "panel"},
    "starlette": {"sandbox", "http"},
    "uvicorn": {"serving"},
    "prometheus_client": {"metrics"},
}


def room(path):
    """The module's name below `autologin`; a package counts as one room."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "flows" if parts[0] == "flows" else (parts[1] if parts[1] != "__init__" else "autologin")


def imported(path):
    """What a module really imports, as dotted names; not what it imports for types."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "autologin" else [node.module]
            )


def layer(name):
    return next((depth for depth, names in enumerate(LAYERS) if name in names), None)


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path):
    here = room(path)
    if here in {"autologin", "sandbox"}:
        return
    assert layer(here) is not None, f"{here} has no place on the map"
    ours = [name.split(".")[1] for name in imported(path) if name.startswith("autologin.")]
    up = [name for name in ours if name in set().union(*LAYERS) and layer(name) < layer(here)]
    assert up == []
    assert "sandbox" not in ours or here == "demo"


@pytest.mark.parametrize(("library", "rooms"), ONLY.items())
def test_some_things_are_done_in_one_place(library, rooms):
    users = {room(path) for path in PRODUCT if any(name.split(".")[0] == library for name in imported(path))}
    assert users <= rooms


def test_only_the_config_reads_the_environment():
    readers = {room(path) for path in PRODUCT if re.search(r"os\.(environ|getenv)", path.read_text())}
    assert readers <= {"config", "early", "browser"}  # the browser takes switches out that would print what is typed


def functions():
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.end_lineno - node.lineno + 1, f"{path.name}:{node.name}"


def test_functions_and_files_fit_the_head():
    lengths = sorted(functions())
    assert statistics.median(length for length, _ in lengths) <= 10
    assert lengths[int(len(lengths) * 0.9)][0] <= 30
    assert lengths[-1][0] <= 60
    assert [path.name for path in PRODUCT if path.read_text().count("\n") > 400] == []


def test_the_map_names_every_module():
    text = (ROOT / "docs/architecture.md").read_text()
    rooms = {room(path) for path in PRODUCT} - {"autologin", "__main__"}
    assert sorted(name for name in rooms if not re.search(rf"`{name}(\.py|/)`", text)) == []
