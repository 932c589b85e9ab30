"""A sandbox in a thread of its own, because pytest-playwright's synchronous pages block the test's."""

from __future__ import annotations

import asyncio
import shutil
import threading
from contextlib import contextmanager

import pytest

from autologin.sandbox.server import Sandbox


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """The system's Chromium where there is one, else Playwright's own."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    found = next(filter(None, map(shutil.which, names)), None)
    return {**browser_type_launch_args, **({"executable_path": found} if found else {})}


@pytest.fixture(scope="session")
def base_url():
    """Stands in for pytest-base-url's, whose kind of fixture pytest 9 warns of; our pages name their address."""


@contextmanager
def running(sandbox):
    """The sandbox, served from another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.__aenter__(), loop).result(10)
        try:
            yield sandbox
        finally:
            asyncio.run_coroutine_threadsafe(sandbox.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def sandbox(request):
    """The brokers that a module's BROKERS names, else all."""
    with running(Sandbox(brokers=getattr(request.module, "BROKERS", None))) as served:
        yield served
