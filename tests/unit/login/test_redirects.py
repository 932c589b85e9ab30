"""What a redirect carries: read as the broker wrote it, and decoded once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from autologin.errors import ConsentRequired, ExchangeRejected, StateMismatch
from autologin.flow import registry
from autologin.login.capture import Capture, parameters, parse_pasted, read_auth_code

CODES = {
    "a raw plus": ("ab+cd", "ab+cd"),
    "a plus in percent": ("ab%2Bcd", "ab+cd"),
    "both": ("a+b%2Bc%20d", "a+b+c d"),
    "base64": ("ab/cd+ef==", "ab/cd+ef=="),
    "base64 in percent": ("ab%2Fcd%2Bef%3D%3D", "ab/cd+ef=="),
    "a percent of its own": ("ab%252Bcd", "ab%2Bcd"),
    "a percent of its own, twice": ("ab%25252Bcd", "ab%252Bcd"),
    "a percent that means nothing": ("ab%zz", "ab%zz"),
    "a semicolon": ("ab;cd", "ab;cd"),
    "a semicolon and an equals sign": ("ab;cd==", "ab;cd=="),
    "a question mark": ("ab?cd", "ab?cd"),
    "a slash": ("4/0AbCd", "4/0AbCd"),
}
PLACES = {
    "query": "https://app.example/cb?request_token={}&state=N",
    "query, the state first": "https://app.example/cb?state=N&request_token={}",
    "fragment": "https://app.example/cb#request_token={}&state=N",
    "fragment with its question mark": "https://app.example/cb#?request_token={}&state=N",
    "route with a query": "https://app.example/#/cb?request_token={}&state=N",
    "route of several parts": "https://app.example/#/login/done?state=N&request_token={}",
    "route without a slash": "https://app.example/#cb?request_token={}&state=N",
    "route of old Angular": "https://app.example/#!/cb?request_token={}&state=N",
    "route with an ampersand": "https://app.example/#/cb&request_token={}&state=N",
    "route with a slash at its end": "https://app.example/#/cb/?request_token={}&state=N",
    "a route behind a query": "https://app.example/?request_token={}&state=N#/cb?tab=1",
    "a custom scheme": "myapp://cb?request_token={}&state=N",
}


def read(url, body="", *, nonce="N", names=("request_token",)):
    return read_auth_code(
        parameters(url, body, names, "state" if nonce else ""), names, "state", nonce
    ).get_secret_value()


@pytest.mark.parametrize(("written", "meant"), CODES.values(), ids=CODES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_code_is_read_wherever_it_stands_and_decoded_once(place, written, meant):
    assert read(place.format(written)) == meant


@pytest.mark.parametrize(("written", "meant"), CODES.values(), ids=CODES)
def test_a_posted_code_is_read_the_same_way(written, meant):
    assert read("https://app.example/cb", f"request_token={written}&state=N") == meant


@pytest.mark.parametrize(("written", "meant"), CODES.values(), ids=CODES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_pasted_address_is_read_the_same_way(place, written, meant):
    pasted = parse_pasted(f" {place.format(written)}\n", ("request_token",), "state", "N")
    assert pasted.get_secret_value() == meant


@pytest.mark.parametrize(
    "text",
    [
        "request_token=ab+cd&state=N",
        "?request_token=ab+cd&state=N",
        "#/cb?state=N&request_token=ab+cd",
        "/cb?request_token=ab+cd&state=N",
        "127.0.0.1/cb?request_token=ab%2Bcd&state=N",
        "localhost:5000/#/cb&request_token=ab+cd&state=N",
        "https://127.0.0.1/?state=N&amp;request_token=ab+cd",
    ],
)
def test_a_part_of_an_address_is_as_good(text):
    assert parse_pasted(text, ("request_token",), "state", "N").get_secret_value() == "ab+cd"


def test_a_pasted_code_is_taken_as_it_is():
    assert parse_pasted("ab%2Bc+d", ("code",), "state", None).get_secret_value() == "ab%2Bc+d"


@pytest.mark.parametrize(
    "query",
    [
        "status=success&amp;request_token=ab+cd&amp;state=N",
        "request_token=ab+cd&amp;state=N",
        "status=success;request_token=ab+cd;state=N",
        "request_token=ab+cd;state=N",
        "state=N;request_token=ab+cd",
        "#status=success;state=N;request_token=ab+cd",
    ],
)
def test_other_separators_count_where_an_ampersand_gives_nothing(query):
    joint = "" if query.startswith("#") else "?"
    assert read(f"https://app.example/cb{joint}{query}") == "ab+cd"


def test_other_separators_need_no_state():
    assert read("https://app.example/cb?status=success;request_token=abc", nonce=None) == "abc"
    assert read("https://app.example/cb?a=1&amp;request_token=abc", nonce=None) == "abc"


def test_where_an_ampersand_gives_the_code_a_semicolon_is_a_part_of_it():
    assert read("https://app.example/cb?request_token=a;b=c&state=N") == "a;b=c"
    assert read("https://app.example/cb?request_token=a;b=c", nonce=None) == "a;b=c"
    assert read("https://app.example/cb?request_token=a&amp;b&state=N") == "a"


def test_no_other_separator_makes_a_state_of_a_wrong_one():
    with pytest.raises(StateMismatch):
        read("https://app.example/cb?request_token=abc&state=X;state=N")
    with pytest.raises(StateMismatch):
        read("https://app.example/cb?request_token=abc&state=X&amp;state=N")


def test_a_refusal_behind_a_route_is_one():
    with pytest.raises(ConsentRequired, match="The user denied access"):
        read(
            "https://app.example/#/cb?error=access_denied"
            "&error_description=The+user+denied+access&state=N"
        )
    with pytest.raises(ExchangeRejected, match='"no such app"'):
        read("https://app.example/cb?status=error;message=no+such%20app;state=N")


def test_the_form_body_wins_over_the_query_and_that_over_the_fragment():
    url = "https://app.example/cb?a=query&b=query#/cb?a=fragment&b=fragment&c=fragment"
    assert parameters(url, "a=body") == {"a": "body", "b": "query", "c": "fragment"}


def test_what_the_browser_is_sent_to_is_an_answer_by_its_route_too():
    capture = Capture(None, ("request_token",), "state", "N", ["https://broker.example"])
    assert capture._is_answer("https://app.example/#/cb?request_token=ab+cd&state=N", "")
    assert capture._is_answer("https://app.example/#/cb?state=N", "")
    assert not capture._is_answer("https://app.example/#/cb?tab=1", "")


@pytest.mark.parametrize(
    "uri", ["urn:ietf:wg:oauth:2.0:oob", "URN:ietf:wg:oauth:2.0:oob:auto", "oob"]
)
@pytest.mark.parametrize("broker", ["upstox", "oauth2", "fyers"])
def test_a_redirect_that_is_no_address_is_refused_with_the_reason(broker, uri):
    kind = registry.load(broker).credentials_class
    with pytest.raises(ValidationError, match="shows the code on a page") as refused:
        kind.model_validate({"redirect_uri": uri})
    assert "https://127.0.0.1/" in str(refused.value)


def test_an_apps_own_scheme_is_still_fine():
    kind = registry.load("oauth2").credentials_class
    with pytest.raises(ValidationError) as refused:
        kind.model_validate({"redirect_uri": "myapp://cb"})
    assert "redirect_uri" not in str(refused.value)


@pytest.mark.parametrize("around", ['"{}"', "'{}'", "<{}>", ' "<{}>" ', "“{}”"])
@pytest.mark.parametrize("text", ["https://app.example/cb?code=ab+cd", "ab+cd", "code=ab+cd"])
def test_what_is_pasted_may_stand_in_quotes(around, text):
    pasted = parse_pasted(around.format(text), ("code",), "state", None, "https://app.example/cb")
    assert pasted.get_secret_value() == "ab+cd"


@pytest.mark.parametrize(
    "text",
    [
        "https://broker.example/login?code=abc",
        "https://app.example.evil.example/cb?code=abc",
        "https://app.example@evil.example/cb?code=abc",
        "//broker.example/login?code=abc",
        "broker.example/login?code=abc",
        "chrome-error://chromewebdata/?code=abc",
        "https://broker.example/login",
    ],
)
def test_an_address_that_is_not_the_redirects_is_refused(text):
    with pytest.raises(ExchangeRejected, match=r"redirect URI's is app\.example") as caught:
        parse_pasted(text, ("code",), "state", None, "https://app.example/cb")
    assert "https://app.example" in caught.value.hint
    assert "abc" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "redirect"),
    [
        ("https://APP.example/cb?code=abc", "https://app.example/cb"),
        ("http://app.example:8080/?code=abc", "https://app.example/cb"),
        ("app.example/cb?code=abc", "https://app.example/cb"),
        ("/cb?code=abc", "https://app.example/cb"),
        ("code=abc", "https://app.example/cb"),
        ("?code=abc", "https://app.example/cb"),
        ("http://localhost/cb?code=abc", "http://127.0.0.1/cb"),
        ("myapp://callback?code=abc", "myapp://callback"),
        ("myapp:/callback?code=abc", "myapp:/callback"),
        ("https://anything.example/?code=abc", None),
    ],
)
def test_one_that_is_or_may_be_is_read(text, redirect):
    assert parse_pasted(text, ("code",), "state", None, redirect).get_secret_value()[:3] == "abc"


def test_a_host_that_begins_like_this_machine_is_another():
    with pytest.raises(ExchangeRejected):
        parse_pasted(
            "http://localhost.evil.example/?code=abc", ("code",), "state", None, "http://127.0.0.1/"
        )
