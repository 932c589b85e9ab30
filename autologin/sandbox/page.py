"""A twin's login page: its description, and the routes that stand beside every page.

A page is drawn by `pages/engine.js`, which says what the scenarios can change. `page.json`
describes:

- `first`: the screen that is shown first; `layouts`: another one, by the name of a layout -
`screens`: by name, each with `fields`, `button` (a key of the texts), `links`, `intro`, the ids of
its form and button, `action` (where the browser sends the form), and `next` where no call is made -
a field: `name`, `label` (a key of the texts; the name where it is left out), `input` (attributes),
`autocomplete`, `digits` (how many make it complete; a refusal empties it), `length` (the fewest),
`boxes` (one for each digit; `each` has their attributes, `row` is the id around them), `inside`
(the label is a placeholder), `wrapped` (the label is around the input), `silent` (there is no
label), `alias` (its name after a redesign), `bare` (its id where it has nothing else), and
`variants`: another field by the value of `page[name]` - `texts`: words by language, where they
differ from `pages/texts.js` - `classes`: of `form`, `group`, `label`, `button`, `error`, `actions`
- `waits`: the button sleeps until the fields are complete; `native`: the browser sends the forms;
`formless`: there are none; `button_tag`, `root`, `heading`: the tags of these - `signup`: the
fields of the form for strangers; `page`: the page's own defaults

A `page.js` beside it has what is special: the broker's calls (`post`), and screens that no data
describes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autologin.sandbox.twin import Twin, render

if TYPE_CHECKING:
    from starlette.requests import Request


class LoginPage:
    """The description of a page, and the script that is special to it."""

    def __init__(
        self, title: str, accent: str, design: Mapping[str, Any], script: str = ""
    ) -> None:
        self.title = title
        self.accent = accent
        self.design = design
        self.script = script

    @classmethod
    def load(cls, title: str, accent: str, folder: Path) -> LoginPage:
        """The page whose `page.json` and `page.js` stand in a folder."""
        design = json.loads((folder / "page.json").read_text(encoding="utf-8"))
        script = folder / "page.js"
        return cls(
            title, accent, design, script.read_text(encoding="utf-8") if script.exists() else ""
        )

    def show(self, twin: Twin, config: Mapping[str, Any], status: int = 200) -> Response:
        """The page; `config` is what this visit needs besides the description."""
        page = {
            **self.design.get("page", {}),
            "delay": twin.page_delay,
            **twin.behaviour.page,
        }
        described = {**self.design, **config, "page": page}
        title = self.title
        return render(
            "shell.html",
            status,
            title=title,
            accent=self.accent,
            script=self.script,
            config=described,
        )


def page_routes(twin: Twin, base: str = "") -> list[BaseRoute]:
    """What every page needs: the captcha's frame, the form for strangers, the late script."""

    async def signup(_request: Request) -> Response:
        """Somebody filled in the wrong form."""
        twin.arrive("signup")
        return Response(status_code=204)

    return [
        Route(f"{base}/recaptcha/anchor", captcha),
        Route(f"{base}/signup", signup, methods=["POST"]),
        Route("/late.js", late_script),
        twin.delivery.route,
    ]


async def captcha(_request: Request) -> Response:
    """What is in a captcha's frame."""
    return render("captcha.html")


async def late_script(_request: Request) -> Response:
    """What makes a page listen, a while after the page."""
    await asyncio.sleep(1.5)
    return Response("listenNow();", media_type="text/javascript")
