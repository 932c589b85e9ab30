"""What a flow that was written for an autologin before 0.1.0 must change, found in its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

MODULES = {"autologin.page", "autologin.screen", "autologin.steps", "autologin.otp"}
"""They are gone; a flow imports everything from `autologin.flow`."""
NAMES = {
    "Field": "InputField",
    "Flow": "BrowserFlow",
    "Limit": "RateLimit",
    "Otp": "OtpGenerator",
    "Script": "LoginScript",
    "Tick": "Checkbox",
    "Turn": "Click",
    "Verified": "Verification",
    "answer_of": "send",
    "exactly": "digits",
    "json_of": "json_object",
    "meaning": "classify",
    "message_of": "error_message",
    "proven": "verify_with",
    "refused": "exchange_error",
    "sooner": "earliest_expiry",
    "verified": "verify_profile",
}
"""What things were called, there and in `autologin.flow`, and what they are called now."""
ATTRIBUTES = {
    "Credentials": "Write `credentials: {value}`, an annotation without a value.",
    "Options": "Write `options: {value}`, an annotation without a value.",
    "code_params": "Call it `auth_code_params`.",
    "limits": "Call it `rate_limits`, and derive the class from `ApiFlow`.",
    "needs_browser": "Remove it: a class derived from `BrowserFlow` signs in on a page, "
    "one derived from `ApiFlow` over the broker's API.",
}
METHODS = {
    "login": "Write `def login_script(self, otp)`, without `async`, "
    "and return the `LoginScript(...)` that was given to `page.walk`.",
    "resume": "Remove it: `login_url` returns a `LoginRequest` with the verifier, "
    "which `exchange` reads as `auth_code.verifier`.",
}


@dataclass(frozen=True)
class Change:
    """What is old in a line, and what to write instead."""

    line: int
    old: str
    new: str


def changes(text: str) -> list[Change]:
    """What a flow's text must change, one entry a line; empty: nothing.

    Raises:
        SyntaxError, ValueError: it cannot be read.
    """
    tree = ast.parse(text)
    found = [*_old_names(tree)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for flow in (cls for cls in classes if "broker" in {name for name, *_ in _assignments(cls)}):
        found += _old_members(flow)
        if found:
            found += _old_login_url(flow)
    found.sort(key=lambda change: change.line)
    return [_joined(line, list(of_line)) for line, of_line in groupby(found, lambda one: one.line)]


def _joined(line: int, of_line: list[Change]) -> Change:
    return Change(
        line,
        ", ".join(change.old for change in of_line),
        " ".join(dict.fromkeys(change.new for change in of_line)),
    )


def _old_names(tree: ast.Module) -> Iterator[Change]:
    has_module = _imports_module(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from _old_imports(node)
        elif has_module and isinstance(node, ast.Attribute) and _is_old_attribute(node):
            new = f"Call it {_new_name(node.attr)}, from `autologin.flow`."
            yield Change(node.lineno, f"`flow.{node.attr}`", new)


def _is_old_attribute(node: ast.Attribute) -> bool:
    return node.attr in NAMES and ast.unparse(node.value) == "flow"


def _imports_module(tree: ast.Module) -> bool:
    return any(
        node.module == "autologin" and "flow" in {alias.name for alias in node.names}
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    )


def _old_imports(node: ast.ImportFrom) -> Iterator[Change]:
    for alias in node.names:
        old = f"`from {node.module} import {alias.name}`"
        if node.module == "autologin.page":
            new = "Remove it: a flow gets no page, it returns a `LoginScript`."
            yield Change(node.lineno, old, new)
        elif node.module in MODULES or (node.module == "autologin.flow" and alias.name in NAMES):
            yield Change(node.lineno, old, f"Import {_new_name(alias.name)} from `autologin.flow`.")


def _new_name(old: str) -> str:
    return "`BrowserFlow` or `ApiFlow`" if old == "Flow" else f"`{NAMES.get(old, old)}`"


def _old_members(flow: ast.ClassDef) -> Iterator[Change]:
    for name, value, line in _assignments(flow):
        if name in ATTRIBUTES:
            yield Change(line, f"`{name}`", ATTRIBUTES[name].format(value=value))
    for method in _methods(flow):
        if method.name in METHODS:
            yield Change(method.lineno, f"the method `{method.name}`", METHODS[method.name])


def _old_login_url(flow: ast.ClassDef) -> Iterator[Change]:
    for method in _methods(flow):
        if method.name == "login_url" and "LoginRequest" not in ast.unparse(method):
            new = "Return `LoginRequest(url)`, not `url`."
            yield Change(method.lineno, "the method `login_url`", new)


def _methods(cls: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _assignments(cls: ast.ClassDef) -> Iterator[tuple[str, str, int]]:
    """Name, value and line of what a class's body sets."""
    for node in cls.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield ast.unparse(target), ast.unparse(node.value), node.lineno
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield ast.unparse(node.target), ast.unparse(node.value), node.lineno
