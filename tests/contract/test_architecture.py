"""Who may import whom, where things are done, and how long a function may be.

`ORDER` is the one list of packages, and of the modules beside them: an import may only go to the
right. Imports for types, imports inside functions and imports by name count like any other.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = (
    *("__main__", "cli"),
    *("preflight", "sandbox"),
    *("service", "web"),
    *("run", "status"),
    "app",
    *("client", "login", "market"),
    "config",
    *("delivery", "exchange"),
    *("lease", "retry"),
    "store",
    *("secret_refs", "flows"),
    *("flow", "message", "problems", "stages"),
    *("errors", "log", "token", "aws"),
    *("clock", "files", "threads", "transport", "proxies", "inheritance", "quoting"),
    "redaction",
    "__init__",
)
"""From the command line to the ground floor; docs/architecture.md says why."""
BY_NAME = {
    "autologin.flow.registry",  # a flow is found by its broker's name
    "autologin.delivery.sinks.base",  # a sink by its type
    "autologin.cli.main",  # a command by what is typed
    "autologin.sandbox.server",  # a twin by its broker's name
}
"""Modules that may import by name."""
ONLY = {
    "apprise": {"service"},
    "apscheduler": {"config", "service"},
    "boto3": {"aws"},
    "botocore": {"aws"},
    "click": {"cli"},
    "cryptography": {"sandbox", "store"},
    "jinja2": {"sandbox", "web"},
    "loguru": {"log"},
    "markupsafe": {"sandbox", "web"},
    "playwright": {"cli", "login"},
    "prometheus_client": {"web"},
    "pydantic_settings": {"config"},
    "pyotp": {"flow", "sandbox"},
    "sqlite3": {"store"},
    "starlette": {"sandbox", "web"},
    "uvicorn": {"sandbox", "web"},
    "yaml": {"cli", "config", "sandbox"},
}
"""Libraries, and the packages that may use them."""
FLOWS_BY_NAME = "autologin.flow.registry imports autologin.flows"
"""The one import to the left: the registry finds the flows, which are written with what stands
beside it."""
READ_ENVIRONMENT = {
    "autologin.config.loader",
    "autologin.cli.completion",  # completes before the config can be loaded
    "autologin.cli.prestart",
    "autologin.cli.process",  # takes a switch out that would write down the keys of connections
    "autologin.login.browser",  # takes switches out that would print what is typed
}
LONGEST_FUNCTION = 60


def read_sources(root):
    """Every module of the product: its dotted name and its text."""
    package = root / "autologin"
    files = {
        file: ("autologin", *file.relative_to(package).with_suffix("").parts)
        for file in package.rglob("*.py")
    }
    files |= {file: ("autologin", "flows", file.stem) for file in (root / "flows").glob("*.py")}
    return {
        ".".join(parts).removesuffix(".__init__"): file.read_text() for file, parts in files.items()
    }


def package_of(module):
    """The entry of ORDER that a module belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


@cache
def nodes_of(text):
    """Everything in a module's syntax tree."""
    return list(ast.walk(ast.parse(text)))


def by_name(node):
    """Whether a part of the code imports by name, or makes ready to do so under another name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name in {"import_module", "__import__"}
    return False


@cache
def imports(module, text, *, package):
    """The dotted names that a module imports; `package`: it is an `__init__`."""
    return list(_imports(module, text, package=package))


def _imports(module, text, *, package):
    for node in nodes_of(text):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = module.split(".")
            start = start[: len(start) - node.level + package] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and by_name(node.func)
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def graph_of(sources):
    """Each module with the modules that it imports."""
    packages = {name.rpartition(".")[0] for name in sources}
    graph = {}
    for module, text in sources.items():
        names = imports(module, text, package=module in packages)
        found = {name if name in sources else name.rpartition(".")[0] for name in names}
        graph[module] = {name for name in found if name in sources and name != module}
    return graph


def upward(sources):
    """The imports that go to the left."""
    place = {name: index for index, name in enumerate(ORDER)}
    for module, others in graph_of(sources).items():
        for other in others:
            detail = f"{module} imports {other}"
            if place[package_of(other)] < place[package_of(module)] and detail != FLOWS_BY_NAME:
                yield detail


def circles(sources):
    """The groups of modules that import one another, by Tarjan's algorithm."""
    graph = graph_of(sources)
    number, lowest, stack, found = {}, {}, [], []

    def visit(module):
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            found.append(sorted(group))

    for module in sorted(graph):
        if module not in number:
            visit(module)
    return [f"circle of {', '.join(group)}" for group in found if len(group) > 1]


def importing_by_name(sources):
    """The modules that import by name and are not allowed to."""
    for module, text in sources.items():
        if module not in BY_NAME and any(map(by_name, nodes_of(text))):
            yield f"{module} imports by name"


def libraries_elsewhere(sources):
    """Uses of a library outside its packages."""
    for module, text in sources.items():
        for library in {
            name.split(".")[0] for name in imports(module, text, package=False)
        } & ONLY.keys():
            if package_of(module) not in ONLY[library]:
                yield f"{module} uses {library}"


def long_functions(sources):
    """Functions that are too long."""
    for module, text in sources.items():
        for node in nodes_of(text):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    yield f"{module}.{node.name} has {lines} lines"


def readers_of_environment(sources):
    """Modules that read the process's environment and are not allowed to."""
    for module, text in sources.items():
        if module not in READ_ENVIRONMENT and re.search(r"\bos\.(environ|getenv)\b", text):
            yield f"{module} reads the environment"


def without_place(sources):
    """Modules that are in no package of ORDER."""
    for module in sources:
        if package_of(module) not in ORDER:
            yield f"{module} is in no package of ORDER"


RULES = [
    without_place,
    upward,
    circles,
    importing_by_name,
    libraries_elsewhere,
    long_functions,
    readers_of_environment,
]


@pytest.fixture(scope="module")
def product():
    return read_sources(ROOT)


def test_the_code_keeps_the_rules(product):
    broken = {each for rule in RULES for each in rule(product)}
    assert sorted(broken) == []


def test_the_docs_draw_the_same_order():
    """The levels of the drawing in docs/architecture.md, `a, b > c`, name all of ORDER in its order."""
    page = (ROOT / "docs/architecture.md").read_text()
    drawing = re.search(r"^ {4}cli > .*(?:\n {4}.*)*", page, re.MULTILINE)[0]
    levels = [re.findall(r"\w+", level) for level in drawing.split(">")]
    names = [name for name in ORDER if not name.startswith("__")]
    assert sorted(name for level in levels for name in level) == sorted(names)
    order = [name for level in levels for name in sorted(level, key=ORDER.index)]
    assert order == names


IN_TYPE_CHECKING = "if TYPE_CHECKING:\n    from autologin.cli.render import outcomes\n"
IN_FUNCTION = "def late():\n    from autologin.service import service\n"
BY_LITERAL = "import importlib\n\nimportlib.import_module('autologin.web.app')\n"
BY_ALIAS = "from importlib import import_module as load\n\nload('autologin.web.app')\n"


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        (
            "autologin.store.store",
            "from autologin.run import Outcome",
            "autologin.store.store imports autologin.run",
        ),
        (
            "autologin.store.store",
            IN_TYPE_CHECKING,
            "autologin.store.store imports autologin.cli.render",
        ),
        (
            "autologin.config.fields",
            IN_FUNCTION,
            "autologin.config.fields imports autologin.service.service",
        ),
        (
            "autologin.flow.registry",
            BY_LITERAL,
            "autologin.flow.registry imports autologin.web.app",
        ),
        ("autologin.market.loader", BY_LITERAL, "autologin.market.loader imports by name"),
        ("autologin.market.loader", BY_ALIAS, "autologin.market.loader imports by name"),
        (
            "autologin.store.store",
            "from ..web import app",
            "autologin.store.store imports autologin.web.app",
        ),
        (
            "autologin.errors",
            "import autologin.config.schema",
            "autologin.errors imports autologin.config.schema",
        ),
        ("autologin.market.calendar", "import boto3", "autologin.market.calendar uses boto3"),
        (
            "autologin.web.auth",
            "import os\n\nkey = os.environ['KEY']",
            "autologin.web.auth reads the environment",
        ),
        (
            "autologin.clock",
            "def long():\n" + "    pass\n" * 60,
            "autologin.clock.long has 61 lines",
        ),
        ("autologin.odds.ends", "", "autologin.odds.ends is in no package of ORDER"),
    ],
)
def test_what_is_planted_is_found(product, module, line, broken):
    planted = product | {module: product.get(module, "") + "\n" + line}
    new = set()
    for rule in RULES if package_of(module) in ORDER else [without_place]:
        new |= set(rule(planted)) - set(rule(product))
    assert broken in new


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from autologin.store import b", "from autologin.store import a"),
        (
            "from autologin.store import b",
            "if TYPE_CHECKING:\n    from autologin.store.a import A",
        ),
        ("from . import b", "def late():\n    from .a import A"),
        (
            "import autologin.store.b",
            "import importlib\n\nimportlib.import_module('autologin.store.a')",
        ),
    ],
)
def test_a_circle_is_found(one, other):
    sources = {
        "autologin.store": "",
        "autologin.store.a": one,
        "autologin.store.b": other,
        "autologin.store.c": one,
    }
    assert circles(sources) == ["circle of autologin.store.a, autologin.store.b"]


def test_a_longer_circle_is_found_once():
    sources = {
        "autologin": "",
        "autologin.a": "import autologin.b",
        "autologin.b": "import autologin.c\nimport autologin.d",
        "autologin.c": "import autologin.a",
        "autologin.d": "",
    }
    assert circles(sources) == ["circle of autologin.a, autologin.b, autologin.c"]
