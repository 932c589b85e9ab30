"""Chromium's own sandbox: on where it can be, and told where it cannot."""

from __future__ import annotations

import io
import os

import pytest

from autologin import log
from autologin.config.schema import BrowserSettings
from autologin.login import browser


@pytest.fixture
def logged():
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    log.configure()


@pytest.mark.parametrize(
    ("user", "namespaces", "on"), [(1000, True, True), (1000, False, False), (0, True, False)]
)
def test_auto_is_on_for_ordinary_users_and_warns_where_the_kernel_says_no(
    monkeypatch, logged, user, namespaces, on
):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(browser, "_user_namespaces", lambda: namespaces)
    assert browser.sandboxed(BrowserSettings()) is on
    assert ("WARNING" in logged.getvalue() and "sandbox_off" in logged.getvalue()) is not namespaces


@pytest.mark.parametrize("word", ["on", "off"])
def test_who_says_on_or_off_gets_it_without_a_word(monkeypatch, logged, word):
    monkeypatch.setattr(browser, "_user_namespaces", lambda: word == "off")
    assert browser.sandboxed(BrowserSettings(sandbox=word)) is (word == "on")
    assert logged.getvalue() == ""
