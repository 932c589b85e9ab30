"""Every test here may run accounts of brokers without a page."""

import pytest
from support.api_login import api_runs


@pytest.fixture
async def walk(tmp_path, monkeypatch):
    async with api_runs(tmp_path, monkeypatch) as runs:
        yield runs
