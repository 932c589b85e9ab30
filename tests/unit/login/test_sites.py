"""Whose host an address is."""

from __future__ import annotations

import pytest

from autologin.login.sites import Sites, host_of, is_in_clear, is_same_site, site


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://login.upstox.com/?a=b", "upstox.com"),
        ("https://upstox.com", "upstox.com"),
        ("https://api.broker.co.in:8443/x", "broker.co.in"),
        ("https://broker.in", "broker.in"),
        ("https://login.abc.in", "abc.in"),
        ("https://api.fyers.in.", "fyers.in"),
        ("https://one.github.io", "one.github.io"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://127.0.0.2:8000/", "127.0.0.2"),
        ("http://[::1]:8000/", "::1"),
        ("http://localhost:8000/", "localhost"),
        ("data:,", ""),
        ("http://[", ""),
    ],
)
def test_the_site_of_an_address(url, found):
    assert site(host_of(url)) == found


def test_two_that_publish_at_one_place_are_not_one_site():
    assert not is_same_site("https://one.github.io", "https://other.github.io")
    assert is_same_site("https://a.broker.co.in", "https://b.broker.co.in")
    assert not is_same_site("https://one.co.in", "https://other.co.in")


SITES = Sites(
    ["https://kite.zerodha.com/connect", "http://127.0.0.1:1234"], ["partner.example", "10.0.0.7"]
)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://kite.zerodha.com/api/login", True),
        ("https://other.zerodha.com:8443", True),
        ("http://127.0.0.1:9", True),
        ("ws://127.0.0.1:9", True),
        ("http://127.0.0.2:1234", False),
        ("https://zerodha.com.evil.example", False),
        ("https://evilzerodha.com", False),
        ("https://kite.zerodha.com@evil.example/", False),
        ("https://partner.example/x", True),
        ("https://login.partner.example/x", True),
        ("https://notpartner.example/x", False),
        ("https://10.0.0.7", True),
        ("https://10.0.0.8", False),
        ("javascript:void(0)", True),
        ("about:blank", True),
        ("mailto:a@kite.zerodha.com", False),
        ("data:text/html,x", False),
        ("ftp://kite.zerodha.com", False),
        ("http://[", False),
    ],
)
def test_where_what_is_typed_may_go(url, allowed):
    assert SITES.allow(url) is allowed


def test_where_the_broker_leads_is_its_own():
    sites = Sites(["https://api.broker.com"])
    assert not sites.allow("https://sso.example")
    sites.add("https://login.sso.example/x")
    assert sites.allow("https://sso.example")


@pytest.mark.parametrize(
    ("page", "url", "clear"),
    [
        ("https://broker.com", "http://broker.com/in", True),
        ("https://broker.com", "https://broker.com/in", False),
        ("http://broker.com", "http://broker.com/in", False),
        ("https://127.0.0.1", "http://127.0.0.1/in", False),
    ],
)
def test_an_encrypted_page_does_not_send_in_clear(page, url, clear):
    assert is_in_clear(page, url) is clear
