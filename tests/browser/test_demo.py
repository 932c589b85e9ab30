"""The demonstration, as `make demo` shows it."""

from __future__ import annotations

from support.cli import User


async def test_the_demo_ends_with_a_token_each_time(tmp_path):
    user = User(tmp_path)
    for _ in range(2):
        done = await user.says("demo", "--folder", "demo")
        assert done.code == 0, done.err
        assert '"access_token": "..."' in done.out
    assert (tmp_path / "demo" / "tokens" / "zerodha.json").exists()
