"""Every store must pass these tests. A second kind of database is one more opener here."""

from __future__ import annotations

import contextlib

import pytest

from autologin.store.store import Store

OPENERS = {"sqlite": Store.open}
"""folder, clock, keys -> a store"""


@pytest.fixture(params=OPENERS)
def opener(request, tmp_path, clock):
    """Opens the store of the test's folder (or of another one), and closes it in the end."""
    with contextlib.ExitStack() as opened:

        def open_one(keys=(), folder=tmp_path / "state", clock=clock):
            one = OPENERS[request.param](folder, clock, keys)
            opened.callback(one.close)
            return one

        yield open_one


@pytest.fixture
def kept(opener):
    return opener()
