"""What tests of the service by a virtual clock share."""

from __future__ import annotations

import asyncio

import pytest

from autologin import secret_refs
from autologin.config import overrides


@pytest.fixture
def _inline(monkeypatch, tmp_path):
    """What is done in threads is done at once: a virtual clock does not know of them."""

    async def at_once(work, *args, **more):
        return work(*args, **more)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    monkeypatch.setattr(secret_refs, "in_thread", at_once)
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")
