"""What tests of the service by a virtual clock share."""

from __future__ import annotations

import pytest
from support.service import do_at_once

from autologin.config import overrides


@pytest.fixture
def _inline(monkeypatch, tmp_path):
    do_at_once(monkeypatch)
    monkeypatch.setattr(overrides, "SECRETS_FOLDER", tmp_path / "no-secrets")
