"""Shoonya's twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autologin.sandbox.brokers._noren import NorenTwin
from autologin.sandbox.page_twin import table
from autologin.sandbox.scenarios import scenario

if TYPE_CHECKING:
    from autologin.sandbox.scenarios import Scenario

OWN = {
    "very_slow_page": scenario("The page takes 17 s to appear", page={"late": 17}),
    "expired_in_words": scenario(
        "A dead token is told in words, with a 200", expect="token_rejected", dead_token=True, expired="words"
    ),
}


class Shoonya(NorenTwin):
    """One user."""

    broker = "shoonya"
    title = "Shoonya"
    table: ClassVar[dict[str, Scenario]] = table(OWN, without=("one_screen",))
