"""A sink that would not take a token is known before there is one: `check` names it, and `run` says so while it logs in."""

from __future__ import annotations

import json

import pytest
from support.aws import REGION, refusal, scripted
from support.sandbox import rehearsal

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BROKEN = {
    "a folder that is a file": ({"type": "file", "path": "blocked/{account}.json"}, "not a folder"),
    "nobody listens": (
        {"type": "webhook", "url": "http://127.0.0.1:9/hook", "secret": SECRET},
        "cannot be reached",
    ),
    "no permission": (
        {"type": "ssm", "prefix": "/x/{account}", "region": REGION},
        "ssm:PutParameter on arn:aws:ssm",
    ),
}


@pytest.fixture
async def served(tmp_path):
    async with rehearsal(tmp_path) as one:
        (tmp_path / "blocked").write_text("a file")
        yield one


@pytest.fixture
def aws():
    with scripted(refusal("AccessDeniedException")) as server:
        yield server.url


def breaks(config, sink, aws):
    config["sinks"]["broken"] = {**sink, "endpoint_url": aws} if sink["type"] == "ssm" else sink
    config["accounts"]["zerodha"]["sinks"].append("broken")


@pytest.mark.parametrize(("sink", "detail"), BROKEN.values(), ids=BROKEN)
async def test_it_is_told_early_and_the_others_get_their_token(served, aws, sink, detail):
    served.user.environ = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    served.change(lambda config: breaks(config, sink, aws))
    checked = await served.user.says("check", "--json")
    assert checked.code == 2
    (bad,) = [one for one in checked.json["findings"] if one["level"] == "problem"]
    assert bad["key"] == "sinks.broken"
    assert detail in bad["message"] + bad["hint"]

    done = await served.user.says("run", "zerodha", "--json")
    assert done.code == 6
    assert done.account["error"] == "delivery_failed"
    assert json.loads(served.token_file.read_text())["access_token"] in served.twin.tokens
    told = done.err.splitlines()
    early = next(
        index for index, line in enumerate(told) if "sink_not_ready" in line and "broken" in line
    )
    assert early < next(index for index, line in enumerate(told) if "session_created" in line)
