"""A picture of a page that holds none of its secrets: a sketch, drawn anew from masked text.

The page itself is never photographed: whatever shows a secret there (an image, a canvas, a frame,
CSS, SVG) is an empty box in the sketch, because only what was understood is drawn. First all texts
are read; then each is replaced in the page by its masked form, unknown ones wholly, and in the same
breath it is seen where everything stands. So no place in the sketch depends on a secret's width
either, and no script of the page's can run between the two.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autologin.login.masking import mask

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Page

SCRIPT = Path(__file__).with_suffix(".js")
LARGEST = 4000
"""Pixels of a side of a picture."""
DARK = "#222222"
STYLE = """
html, body {margin: 0; background: #fff}
div {position: absolute; box-sizing: border-box; white-space: pre; overflow: hidden}
.panel {border: 1px solid #ddd}
.field {border: 1px solid #888; background: #fff}
.button {border: 1px solid #666; border-radius: 4px; background: #eee}
.tick {border: 1px solid #888; font: 12px/1 sans-serif; text-align: center}
.covered {border: 1px solid #aaa; background: #d8d8d8; color: #555; font: 11px/1.2 sans-serif}
.text {overflow: visible; line-height: 1.2}
"""
TRANSFORMS = {"uppercase", "lowercase", "capitalize"}


@dataclass(frozen=True)
class Sketch:
    """What a page shows, masked: its elements, and an HTML page of ours that shows the same."""

    outline: list[dict[str, Any]]
    html: str
    width: int
    height: int


async def read(page: Page, private: Collection[str]) -> Sketch:
    """Sketch what the page shows now, without known secrets and `private` words.

    That ends the page: its texts are replaced, and its scripts run no more.

    Raises:
        playwright.async_api.Error: the page is gone, or is none that can be sketched.
    """
    seen = await _look(await page.context.new_cdp_session(page), private)
    return await asyncio.to_thread(_sketch, seen, private)


async def draw(browser: Browser, sketch: Sketch) -> bytes:
    """Draw a sketch as PNG.

    Raises:
        playwright.async_api.Error: the browser is gone.
    """
    context = await browser.new_context(
        viewport={"width": sketch.width, "height": sketch.height},
        java_script_enabled=False,
        offline=True,
    )
    page = await context.new_page()
    await page.set_content(sketch.html, wait_until="commit")
    picture = await page.screenshot(type="png")
    await context.close()
    return picture


async def _look(session: CDPSession, private: Collection[str]) -> Mapping[str, Any]:
    await session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    tree = await session.send("Page.getFrameTree")
    frame = {"frameId": tree["frameTree"]["frame"]["id"]}
    world = (await session.send("Page.createIsolatedWorld", frame))["executionContextId"]
    roots = await _closed_roots(session, world)
    read = await _call(session, world, [{"value": None}, *roots])
    safe = await asyncio.to_thread(_mask_read, read, private)
    seen: Mapping[str, Any] = await _call(session, world, [{"value": safe}, *roots])
    return seen


async def _closed_roots(session: CDPSession, world: int) -> list[dict[str, str]]:
    """The shadow roots that no script can get at."""
    await session.send("DOM.enable")
    document = await session.send("DOM.getFlattenedDocument", {"depth": -1, "pierce": True})
    found = []
    for root in chain.from_iterable(node.get("shadowRoots", ()) for node in document["nodes"]):
        if root["shadowRootType"] == "closed":
            known = {"backendNodeId": root["backendNodeId"], "executionContextId": world}
            made = await session.send("DOM.resolveNode", known)
            found.append({"objectId": made["object"]["objectId"]})
    await session.send("DOM.disable")  # or it tells of every change
    return found


async def _call(session: CDPSession, world: int, arguments: list[dict[str, Any]]) -> Any:
    from playwright.async_api import Error  # noqa: PLC0415  (only a login needs Playwright)

    result = await session.send(
        "Runtime.callFunctionOn",
        {
            "functionDeclaration": _script(),
            "executionContextId": world,
            "arguments": arguments,
            "returnByValue": True,
        },
    )
    if "exceptionDetails" in result:
        raise Error("the page cannot be sketched")
    return result["result"]["value"]


@cache
def _script() -> str:
    return SCRIPT.read_text(encoding="utf-8").strip()


def _mask_read(read: Mapping[str, Any], private: Collection[str]) -> list[str]:
    """What may stand in the place of each text."""
    order = range(len(read["texts"]))
    visible = [index for index in order if read["visible"][index]]
    others = [index for index in order if not read["visible"][index]]
    return mask(read["texts"], private, orders=[visible, others], lines=read["lines"])


def _sketch(seen: Mapping[str, Any], private: Collection[str]) -> Sketch:
    texts = sorted(seen["texts"], key=lambda one: (one["y"] // 8, one["x"]))
    masked = mask([one["text"] for one in texts], private)
    drawn = [*map(_box, seen["boxes"]), *map(_text, texts, masked)]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = f'<meta http-equiv="content-security-policy" content="{policy}">'
    html = f"<!doctype html><meta charset=utf-8>{head}<style>{STYLE}</style>{''.join(drawn)}"
    return Sketch(
        _mask_outline(seen["outline"], private),
        html,
        min(max(int(seen["width"]), 1), LARGEST),
        min(max(int(seen["height"]), 1), LARGEST),
    )


def _mask_outline(outline: list[dict[str, Any]], private: Collection[str]) -> list[dict[str, Any]]:
    """Mask every text in place, also where several elements or attributes hold a secret."""
    cells = [
        (row, key)
        for row in outline
        for key, value in row.items()
        if isinstance(value, str) and key != "tag"
    ]
    columns: dict[str, list[int]] = {}
    for index, (_, key) in enumerate(cells):
        columns.setdefault(key, []).append(index)
    masked = mask([row[key] for row, key in cells], private, orders=columns.values())
    for (row, key), instead in zip(cells, masked, strict=True):
        row[key] = instead
    return outline


def _box(box: Mapping[str, Any]) -> str:
    kind = box["kind"]
    words = ("×" if box["on"] else "") if kind == "tick" else ""
    words = box["tag"] if kind == "covered" else words
    return f'<div class="{escape(kind)}" style="{_place(box)}">{escape(words)}</div>'


def _text(text: Mapping[str, Any], masked: str) -> str:
    look = [
        _place(text, fixed=False),
        f"font-size:{min(float(text['size']), 99):.1f}px",
        f"font-weight:{700 if text['bold'] else 400}",
        f"font-family:{'monospace' if text['mono'] else 'sans-serif'}",
        f"color:{_ink(text['color'])}",
    ]
    if text["transform"] in TRANSFORMS:
        look.append(f"text-transform:{text['transform']}")
    return f'<div class="text" style="{";".join(look)}">{escape(masked)}</div>'


def _place(box: Mapping[str, Any], *, fixed: bool = True) -> str:
    names = {"x": "left", "y": "top"} | ({"width": "width", "height": "height"} if fixed else {})
    return ";".join(f"{css}:{round(float(box[name]))}px" for name, css in names.items())


def _ink(color: str) -> str:
    """The text's colour, where it can be read on white."""
    found = re.fullmatch(r"rgb\((\d{1,3}), (\d{1,3}), (\d{1,3})\)", color)
    if not found:
        return DARK
    red, green, blue = map(int, found.groups())
    light = 0.3 * red + 0.6 * green + 0.1 * blue
    return f"rgb({red},{green},{blue})" if light < 140 else DARK
