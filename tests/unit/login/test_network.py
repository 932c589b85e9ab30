"""Whose answers count: the broker's, and those of services that its pages call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from support.clock import HandClock

from autologin.login.capture import Capture
from autologin.login.network import NetworkWatcher, _json, skew_of


def replies():
    page = SimpleNamespace(url="https://login.broker.com/")
    capture = Capture(None, ("code",), "", None, ["https://login.broker.com"], ["partner.example"])
    return NetworkWatcher(page, capture, HandClock())


@dataclass(eq=False)
class Call:
    """As much of Playwright's request as counts."""

    url: str
    post_data: str = ""
    resource_type: str = "fetch"
    method: str = "POST"
    failure: str | None = None


@pytest.mark.parametrize(
    ("request_", "counts"),
    [
        (Call("https://login.broker.com/x"), True),
        (Call("https://service.broker.com/x"), False),
        (Call("https://service.broker.com/x", '{"mobile":"9812345670"}'), True),
        (Call("https://tracker.example/x", '{"mobile":"9812345670"}'), False),
        (Call("https://tracker.example/x", '{"otp":"123456"}'), False),
        (Call("https://partner.example/x", '{"mobile":"9812345670"}'), False),
        (Call("https://partner.example/x", '{"otp":"123456"}'), True),
        (Call("https://partner.example/x", "data=%7B%22otp%22%3A%22123456%22%7D"), True),
        (Call("https://partner.example/x", '{"pin":"MTIzNDU2"}'), True),
        (Call("https://partner.example/x", '{"at":1791234560}'), False),
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
DOCUMENT = {"resourceType": "Document", "frameId": "F", "requestId": "1"}


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


# What left for the broker


class Wire:
    """A page's calls as Playwright and the wire tell of them."""

    def __init__(self):
        self.network = replies()
        self.network.expect("123456")
        self.count = 0

    def call(self, body="", *, method="POST", path="/2fa", failure=None, seen=True, **told):
        """`told`: sent, answered, cors."""
        self.count += 1
        of, url = {"requestId": str(self.count)}, f"https://login.broker.com{path}"
        wire = self.network._departures
        if told.get("sent"):
            wire._was_sent(of)  # it may come before the call itself
        if seen:
            wire._asked({**of, "type": "Fetch", "request": {"method": method, "url": url}})
        self.network._requested(Call(url, body, method=method, failure=failure))
        if status := told.get("answered"):
            wire._answered({**of, "statusCode": status})
        if failure:
            wire._failed({**of, "corsErrorStatus": {"corsError": told.get("cors", "")}})

    def connect(self, *connections, protocol="http/1.1", url="https://login.broker.com/a.js"):
        for connection in connections:
            answer = {"url": url, "protocol": protocol, "connectionId": connection}
            self.network._departures._received({"requestId": f"c{connection}", "response": answer})


DROPPED = {"failure": "net::ERR_EMPTY_RESPONSE", "sent": True}
REFUSED = {"failure": "net::ERR_CONNECTION_REFUSED"}


@pytest.mark.parametrize(
    ("call", "most"),
    [
        ({"sent": True, "answered": 200}, 1),
        ({"sent": True, "answered": 502}, 1),
        ({"sent": True}, 1),  # it waits
        ({}, 1),  # nobody knows yet
        (DROPPED, 4),
        ({**REFUSED, "sent": True}, 4),  # sent, dropped, and sent again to nobody
        ({"failure": "net::ERR_TIMED_OUT", "sent": True}, 4),
        ({"failure": "net::ERR_ABORTED", "sent": True}, 1),
        (REFUSED, 0),
        ({"failure": "net::ERR_NAME_NOT_RESOLVED"}, 0),
        ({"failure": "net::ERR_PROXY_CONNECTION_FAILED"}, 0),
        ({"failure": "net::ERR_TUNNEL_CONNECTION_FAILED"}, 0),
        ({"failure": "net::ERR_ADDRESS_UNREACHABLE"}, 0),
        ({"failure": "net::ERR_INTERNET_DISCONNECTED"}, 0),
        ({"failure": "net::ERR_CONNECTION_TIMED_OUT"}, 0),
        ({"failure": "net::ERR_CERT_AUTHORITY_INVALID"}, 0),
        ({"failure": "net::ERR_SSL_PROTOCOL_ERROR"}, 0),
        ({"failure": "net::ERR_EMPTY_RESPONSE"}, 1),  # the word that it was sent may be late
        ({"failure": "net::ERR_FAILED", "cors": "PreflightMissingAllowOriginHeader"}, 0),
        ({"failure": "net::ERR_FAILED", "cors": "MissingAllowOriginHeader", "sent": True}, 4),
        ({"failure": "net::ERR_FAILED", "sent": True, "answered": 200}, 1),  # hidden by CORS
        ({**DROPPED, "seen": False}, 7),
        ({**REFUSED, "seen": False}, 7),
        ({"seen": False}, 1),
        ({"method": "OPTIONS"}, 0),
        ({"method": "GET"}, 0),
        ({"method": "GET", "path": "/2fa?otp=123456"}, 1),
    ],
)
def test_how_often_a_call_may_have_arrived(call, most):
    wire = Wire()
    wire.connect(1, 2, 3)
    wire.connect(9, url="https://elsewhere.example/")
    wire.call(**call)
    assert wire.network.departures() == most
    assert wire.network.departures(wire.network.posts) == 0


@pytest.mark.parametrize(
    ("connections", "protocol", "most"),
    [
        ((), "", 2),
        ((1,), "http/1.1", 2),
        ((1, 1, 2), "http/1.1", 3),
        (range(1, 20), "http/1.1", 7),
        ((1, 2), "h2", 2),
    ],
)
def test_a_dropped_call_went_out_once_for_each_connection_at_most(connections, protocol, most):
    wire = Wire()
    wire.connect(*connections, protocol=protocol)
    wire.call(**DROPPED)
    assert wire.network.departures() == most


def test_calls_that_are_seen_to_carry_a_secret_are_added_up_and_others_left_out():
    wire = Wire()
    wire.call("otp=123456", sent=True, answered=200)
    wire.call("seen=1", **DROPPED)
    wire.call("otp=123456", **DROPPED)
    assert wire.network.departures() == 3
    assert wire.network.departures(1) == 2


def test_of_calls_that_hide_what_they_carry_one_was_the_submit():
    wire = Wire()
    wire.call("c2VjcmV0", sent=True, answered=200)
    wire.call("c2VjcmV0", **DROPPED)
    assert wire.network.departures() == 2


def test_a_redirect_is_an_answer_and_its_next_hop_is_a_call_of_its_own():
    wire = Wire()
    wire.call("otp=123456", sent=True)
    url = "https://login.broker.com/next"
    moved = {"url": url, "protocol": "http/1.1", "connectionId": 1}
    event = {"requestId": "1", "request": {"method": "POST", "url": url}}
    wire.network._departures._asked({**event, "redirectResponse": moved})
    wire.network._departures._answered({"requestId": "1", "statusCode": 307})  # late
    wire.network._requested(Call(url, "otp=123456", failure="net::ERR_CONNECTION_RESET"))
    assert wire.network.departures() == 3
    assert wire.network.departures(1) == 2


def test_what_goes_over_a_socket_is_not_known():
    wire = Wire()
    assert wire.network.departures() == 0
    wire.network._departures._opened_socket(None)
    assert wire.network.departures() == 1


# Numbers and signs that no broker means


NOW = HandClock().now()


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 1 Jan 99999999999999999999 00:00:00 GMT",
        f"Mon, {'9' * 5000} Jan 2026 00:00:00 GMT",
        "Mon, 1 Jan 2026 00:00:00 +99999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 1 Jan 1970 00:00:00 GMT",
        "Mon, 1 Jan 2026 99:99:99 GMT",
        "Mon, ² Jan 2026 00:00:00 GMT",
        "",
    ],
    ids=lambda date: date[:30],
)
def test_a_date_that_no_clock_shows_tells_no_skew(date):
    assert skew_of({"date": date}, NOW) is None


@pytest.mark.parametrize("seconds", [-86_000, -3, 0, 40, 86_000])
def test_a_clock_that_is_off_by_less_than_a_day_is_believed(seconds):
    date = format_datetime((NOW + timedelta(seconds=seconds)).replace(microsecond=0))
    assert skew_of({"date": date}, NOW) == pytest.approx(seconds, abs=1)


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[1]", "\ufeff{}", ""])
def test_json_that_cannot_be_read_is_none(text):
    assert _json(text) == {}


def test_a_number_that_means_nothing_hides_nothing():
    text = f'{{"message":"Invalid PIN","left":{"9" * 5000}}}'
    assert _json(text) == {"message": "Invalid PIN", "left": None}


@pytest.mark.parametrize("bad", ["http://127.0.0.1:99999/", "https://[::1", "http://x:²/"])
def test_an_address_that_is_none_keeps_no_request_waiting(bad):
    catch = capture()
    catch._learn(f"https://login.broker.com/?next={quote(bad)}", DOCUMENT)
    assert catch.is_broker("https://login.broker.com/2")
    assert not catch.is_broker(bad)
    assert not catch._is_answer(bad, "")
