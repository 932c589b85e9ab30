"""Whose answers count: the broker's, and those of services that its pages call."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from support.clock import HandClock

from autologin.login.capture import Capture, origin
from autologin.login.network import NetworkWatcher, site


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://login.upstox.com/?a=b", "upstox.com"),
        ("https://upstox.com", "upstox.com"),
        ("https://api.broker.co.in:8443/x", "broker.co.in"),
        ("https://broker.in", "broker.in"),
        ("https://fyers.in", "fyers.in"),
        ("https://api.fyers.in", "fyers.in"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://127.0.0.2:8000/", "127.0.0.2"),
        ("http://[::1]:8000/", "::1"),
        ("http://localhost:8000/", "localhost"),
        ("data:,", ""),
    ],
)
def test_the_site_of_an_address(url, found):
    assert site(url) == found


def replies():
    page = SimpleNamespace(url="https://login.broker.com/")
    return NetworkWatcher(
        page, lambda url: origin(url) == "https://login.broker.com:443", HandClock()
    )


@dataclass(eq=False)
class Call:
    """As much of Playwright's request as counts."""

    url: str
    post_data: str = ""
    resource_type: str = "fetch"
    method: str = "POST"


@pytest.mark.parametrize(
    ("request_", "counts"),
    [
        (Call("https://login.broker.com/x"), True),
        (Call("https://service.broker.com/x"), False),
        (Call("https://service.broker.com/x", '{"mobile":"9812345670"}'), True),
        (Call("https://tracker.example/x", '{"mobile":"9812345670"}'), False),
        (Call("https://tracker.example/x", '{"otp":"123456"}'), True),
        (Call("https://tracker.example/x", "data=%7B%22otp%22%3A%22123456%22%7D"), True),
        (Call("https://tracker.example/x", '{"pin":"MTIzNDU2"}'), True),
        (Call("https://tracker.example/x", '{"at":1791234560}'), False),
        (
            Call(
                "https://service.broker.com/x", '{"mobile":"9812345670"}', resource_type="document"
            ),
            False,
        ),
        (
            Call("https://service.broker.com/x", '{"mobile":"9812345670"}', resource_type="image"),
            False,
        ),
    ],
)
def test_a_call_is_known_by_what_it_carries(request_, counts):
    watched = replies()
    watched.expect("9812345670", secret=False)
    watched.expect("123456")
    watched._requested(request_)
    assert watched.pending == ({request_} if counts else set())


def test_an_origin_that_got_what_was_typed_answers_for_the_broker_from_then_on():
    watched = replies()
    watched.expect("9812345670", secret=False)
    for request in (
        Call("https://service.broker.com/a", "9812345670"),
        Call("https://service.broker.com/b"),
    ):
        watched._requested(request)
    assert (watched.posts, watched.sent) == (2, 0)


@pytest.mark.parametrize("order", [("extra", "failed"), ("failed", "extra")])
@pytest.mark.parametrize("preflight", [False, True])
def test_an_answer_that_cors_hides_still_has_its_status(order, preflight):
    watched = replies()
    watched.expect("123456")
    url = "https://login.broker.com/2fa"
    blocked, asked = watched._blocked, "2" if preflight else "1"
    blocked._sent(
        {"requestId": "1", "type": "Fetch", "request": {"url": url, "postData": "123456"}}
    )
    before = {
        "initiator": {"type": "preflight", "requestId": "1"},
        "type": "Other",
        "request": {"url": url},
    }
    blocked._sent({"requestId": "2", **before})
    events = {
        "extra": lambda: blocked._answered(
            {"requestId": asked, "statusCode": 503, "headers": {"Retry-After": "7"}}
        ),
        "failed": lambda: blocked._failed(
            {"requestId": "1", "corsErrorStatus": {"corsError": "MissingAllowOriginHeader"}}
        ),
    }
    for name in order:
        events[name]()
    (reply,) = watched.new
    assert (reply.path, reply.status, reply.carried_secret, reply.retry_after) == (
        "/2fa",
        503,
        True,
        7.0,
    )
    assert reply.unavailable


def test_an_ordinary_failure_has_no_status():
    watched = replies()
    watched._blocked._sent(
        {"requestId": "1", "type": "XHR", "request": {"url": "https://login.broker.com/2fa"}}
    )
    watched._blocked._answered({"requestId": "1", "statusCode": 503, "headers": {}})
    watched._blocked._failed({"requestId": "1"})
    assert watched.new == []


# Hops on the way back


def capture(redirect_uri="http://127.0.0.1:5000/"):
    return Capture(redirect_uri, ("code",), "state", "n0nce", ["https://api.broker.com"])


HOP = "https%3A%2F%2Fapi-v2.broker.com%2Fredirect"
DOCUMENT = {"resourceType": "Document"}


def test_a_hop_that_the_brokers_redirect_names_is_the_brokers():
    catch = capture()
    catch._learn(f"https://login.broker.com/?client_id=1&redirect_uri={HOP}", DOCUMENT)
    assert not catch._is_answer("https://api-v2.broker.com/redirect?code=inner", "")
    assert catch._is_answer("http://127.0.0.1:5000/?code=ours&state=n0nce", "")


def test_the_redirect_uri_itself_is_never_a_hop():
    catch = capture()
    catch._learn(
        "https://api.broker.com/dialog?redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2Fother", DOCUMENT
    )
    assert not catch.is_broker("http://127.0.0.1:5000/other")


@pytest.mark.parametrize("late", [True, False])
def test_no_hop_is_learned_late_or_without_a_known_redirect_uri(late):
    catch = capture() if late else capture(redirect_uri=None)
    catch.learning = not late
    catch._learn(f"https://login.broker.com/?redirect_uri={HOP}", DOCUMENT)
    assert catch._is_answer("https://api-v2.broker.com/redirect?code=inner", "")
