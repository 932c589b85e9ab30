"""The shape of every flow file, and its twin."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest
from support.cli import User

from autologin.flow import registry
from autologin.flow.base import ApiFlow, BrowserFlow
from autologin.flow.script import InputField
from autologin.sandbox.server import twin_classes

ROOT = Path(__file__).parents[2]
NAMES = registry.names()
FACTS = ("Docs", "Code", "Expiry", "Lockout", "Guessed")
ORDER = ("login_url", "login_script", "sign_in", "exchange", "verify", "refresh")


@pytest.fixture(params=NAMES)
def flow(request):
    return registry.load(request.param)


@pytest.fixture
def source(flow):
    return (ROOT / "flows" / f"{flow.broker}.py").read_text()


def test_there_is_a_flow_for_every_twin_and_a_twin_for_every_flow():
    assert sorted(twin_classes()) == NAMES


def test_the_file_is_named_like_the_broker_and_its_lines_fit_a_screen(flow, source):
    assert flow.broker in NAMES
    assert [line for line in source.splitlines() if len(line) > 100] == []


def test_its_header_tells_the_facts_in_order(flow):
    header = inspect.getdoc(importlib.import_module(f"autologin.flows.{flow.broker}"))
    facts = [word for word in re.findall(r"^(\w+)  ", header, re.MULTILINE) if word in FACTS]
    assert [
        fact for fact in FACTS if fact in facts or fact != "Code" or issubclass(flow, BrowserFlow)
    ] == facts


def test_it_declares_what_a_flow_must(flow):
    assert issubclass(flow, BrowserFlow | ApiFlow)
    assert flow.title
    assert flow.docs.startswith("https://")
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", flow.evidence)
    assert flow.endpoints
    assert all(url.startswith("https://") for url in flow.endpoints.values() if url)
    without_default = {name for name, url in flow.endpoints.items() if not url}
    assert flow.needs_endpoints <= without_default <= flow.needs_endpoints | {"profile"}
    assert issubclass(flow, ApiFlow) or flow.auth_code_params


def test_a_page_of_the_docs_tells_about_it_and_the_readme_leads_there(flow):
    page = (ROOT / f"docs/brokers/{flow.broker}.md").read_text()
    assert f"    broker: {flow.broker}\n" in page
    for key, field in flow.credentials_class.model_fields.items():
        assert key in page or not field.is_required()
    row = f"(docs/brokers/{flow.broker}.md)"
    (line,) = [line for line in (ROOT / "README.md").read_text().splitlines() if row in line]
    assert f"| `{flow.broker}` |" in line
    assert f"| {flow.evidence} |" in line
    assert ("unverified" in line) == (not flow.verified)


def test_every_credential_says_where_to_find_it(flow):
    assert [
        key for key, field in flow.credentials_class.model_fields.items() if not field.description
    ] == []


def test_what_the_broker_counts_is_known_by_name(flow):
    """The login id, the passwords and the seed; every other secret is the app's."""
    fields = flow.credentials_class.model_fields
    named = [name for name in fields if name in flow.login_id]
    assert named or flow.broker == "tradejini", "its API key is the app's"
    typed = [name for name in fields if name in flow.passwords]
    assert typed or flow.broker == "groww", "its API key alone signs in"
    secrets = {name for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    others = secrets - {*typed, *flow.login_id, "totp_secret"}
    assert [name for name in others if not re.search(r"key|secret|code", name)] == []


def test_the_twin_has_its_credentials_and_endpoints(flow):
    twin = twin_classes()[flow.broker]()
    twin.origins = {role: f"http://127.0.0.1/{role}" for role in twin.roles}
    required = {
        key for key, field in flow.credentials_class.model_fields.items() if field.is_required()
    }
    assert required <= twin.credentials.keys() <= flow.credentials_class.model_fields.keys()
    assert twin.endpoints.keys() <= flow.endpoints.keys()


def test_its_methods_stand_in_the_order_they_happen(flow, source):
    (cls,) = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == flow.__name__
    ]
    methods = [
        node.name for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name in methods if name in ORDER] == [
        name for name in ORDER if name in methods
    ]


def test_it_creates_nothing_and_reads_no_clock_or_environment(source):
    assert re.findall(r"AsyncClient\(|\.now\(|\benviron\b|getenv|sleep\(|\bopen\(", source) == []


def test_each_page_field_can_be_found_in_two_ways_or_more(flow):
    modules = {
        kind.__module__ for kind in flow.__mro__ if kind.__module__.startswith("autologin.flows.")
    }
    used = [
        getattr(thing, "__module__", "")
        for name in modules
        for thing in vars(importlib.import_module(name)).values()
    ]
    modules |= {name for name in used if name.startswith("autologin.flows._")}
    fields = [
        value
        for name in modules
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, InputField)
    ]
    assert bool(fields) == issubclass(flow, BrowserFlow)
    for field in fields:
        assert field.label
        assert field.css


def test_no_two_twins_share_a_seed():
    """A code of one seed counts once: accounts that share one would wait for each other."""
    seeds = [twin().totp_secret for twin in twin_classes().values()]
    assert len(set(seeds)) == len(seeds)


async def test_programs_are_told_all_that_a_config_needs(tmp_path):
    user = User(tmp_path)
    (alone,) = (await user.says("flows", "fyers", "--json")).json["flows"]
    told = {one["broker"]: one for one in (await user.says("flows", "--json")).json["flows"]}
    assert list(told) == NAMES
    assert alone == told["fyers"]
    for one, flow in [(told[name], registry.load(name)) for name in NAMES]:
        assert one["title"] == flow.title
        fields = flow.credentials_class.model_fields
        assert one["credentials"] == {name: field.is_required() for name, field in fields.items()}
        assert one["endpoints"] == {name: url or None for name, url in flow.endpoints.items()}
        assert one["options"] == json.loads(flow.options_class().model_dump_json())
        assert one["environment"] == dict(flow.environment)
        assert (one["evidence"], one["verified"]) == (flow.evidence, flow.verified)
