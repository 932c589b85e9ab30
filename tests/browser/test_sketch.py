"""What a page shows and must not: pictures of one page with two secrets are equal, byte for byte, wherever the secret stands.

A picture that does not depend on a secret cannot tell it. That it shows the rest is proven the same way: another label gives
another picture.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from html import escape
from urllib.parse import quote

import pytest
from playwright.async_api import Error, async_playwright
from support.leaks import leaks
from support.processes import browser

from autologin import redaction
from autologin.login import sketch

KNOWN = ("hunter2-Rabbit&x", "Wm9!kqXzLp<Tfe-y", "zQ!8vb")
"""Passwords: two of one length, and a short one."""
SEEDS = ("JBSWY3DPEHPK3PXP", "MZXW6YTBOI2GKZ3H", "GEZDGNBVGY3TQOJQGEZDGNBV")
USERS = ("XY98765", "QQ1Z333", "AB12")
LABEL = "Invalid TOTP. 2 attempts left"


def each(secret, tag="span", style=""):
    """Every character in an element of its own."""
    return "".join(f'<{tag} style="{style}">{escape(one)}</{tag}>' for one in secret)


def svg(secret, size=""):
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40"{size}><text y="20">{escape(secret)}</text></svg>'


def uri(secret):
    return "data:image/svg+xml," + quote(svg(secret))


def css(rule):
    """A rule that holds a secret as a string of CSS."""
    return lambda s: (
        f"<style>{rule.replace('SECRET', json.dumps(s)).replace('<', chr(92) + '3c ')}</style><p class=x>Here it is</p><ul><li>One</ul>"
    )


def script(code):
    return lambda s: (
        f"<p id=x>It is</p><script>const s = {json.dumps(s).replace('<', chr(92) + 'u003c')}, x = document.getElementById('x'); {code}</script>"
    )


def text(html):
    return lambda s: html.replace("SECRET", escape(s))


PLACES = {
    "paragraph": text("<p>Your password is SECRET, keep it</p>"),
    "heading, legend, cell, summary": text(
        "<h2>SECRET</h2><fieldset><legend>SECRET</legend></fieldset><table border=1><tr><th>SECRET<td>x</table>"
        "<details open><summary>SECRET</summary>SECRET</details><output>SECRET</output><pre>  SECRET\n</pre>"
    ),
    "halves": lambda s: f"<p>It is {escape(s[:3])}<b>{escape(s[3:5])}</b>{escape(s[5:])} now</p>",
    "spans": lambda s: f"<p>It is {each(s)}</p>",
    "spans with gaps": lambda s: f"<p>It is {' '.join(each(one) for one in s)} now</p>",
    "blocks": lambda s: f"<p>It is</p>{each(s, 'div')}",
    "cells": lambda s: f"<table><tr>{each(s, 'td')}</table>",
    "elements in another order": lambda s: (
        f'<div style="display:flex;flex-direction:row-reverse;justify-content:left">{each(s[::-1], "i")}</div>'
    ),
    "elements that were put in their places": lambda s: "".join(
        f'<b style="position:absolute;top:200px;left:{at * 12}px">{escape(s[at])}</b>'
        for at in sorted(range(len(s)), key=lambda at: (at * 7) % len(s))
    ),
    "words in their places": lambda s: (
        f'<b style="position:absolute;top:200px;left:90px">{escape(s[len(s) // 2 :])}</b> and '
        f'<b style="position:absolute;top:200px;left:10px">{escape(s[: len(s) // 2])}</b>'
    ),
    "hidden words between": lambda s: (
        f"<p>{escape(s[:3])}<i style='display:none'>x</i>{escape(s[3:])}</p>"
    ),
    "backwards": lambda s: (
        f'<p style="unicode-bidi:bidi-override;direction:rtl;text-align:left">{escape(s[::-1])}</p>'
    ),
    "another case": lambda s: f"<p>{escape(s.swapcase())}</p>",
    "transformed": text('<p style="text-transform:uppercase">SECRET</p>'),
    "soft hyphens": lambda s: f"<p>{'&shy;'.join(map(escape, s))}</p>",
    "joiners": lambda s: f"<p>{'&#8203;'.join(map(escape, s))} &#8288;</p>",
    "line breaks": lambda s: f"<p>{'<br>'.join(map(escape, s))}</p>",
    "word breaks": lambda s: f"<p>{'<wbr>'.join(map(escape, s))}</p>",
    "comments between": lambda s: f"<p>{'<!-- -->'.join(map(escape, s))}</p>",
    "full width": lambda s: (
        f"<p>{''.join(escape(one) if not '!' <= one <= '~' else chr(ord(one) + 0xFEE0) for one in s)}</p>"
    ),
    "escaped twice": lambda s: f"<p>{escape(escape(quote(s)))}</p>",
    "base64": lambda s: f"<p>{base64.b64encode(s.encode()).decode()}</p>",
    "cut": lambda s: f"<p>{escape(s[:-2])}…</p>" if len(s) > 10 else "<p>****</p>",
    "text security off": text('<p style="-webkit-text-security:none">SECRET</p>'),
    "field": text(
        '<input value="SECRET"><input type=password value="SECRET"><textarea>SECRET</textarea>'
        '<input value="SECRET" style="field-sizing:content"><textarea style="field-sizing:content">SECRET</textarea> after'
    ),
    "placeholder": text('<input placeholder="SECRET" style="field-sizing:content"> after'),
    "buttons": text(
        '<button>Pay SECRET</button><input type=submit value="SECRET"><input type=button value="SECRET"> after'
    ),
    "select": text(
        "<select><option>SECRET<option>b</select><select size=3><option label='SECRET'>b<optgroup label='SECRET'></select> after"
    ),
    "datalist": text("<input list=d><datalist id=d><option value='SECRET'>SECRET</datalist>"),
    "editable": text(
        "<div contenteditable>SECRET <b>SECRET</b></div><p contenteditable=plaintext-only>SECRET</p>"
    ),
    "title": text('<p title="SECRET">x</p><abbr title="SECRET">y</abbr>'),
    "dialog": text("<dialog open>SECRET</dialog><div popover id=p>SECRET</div>"),
    "top layer": lambda s: (
        f"<dialog id=d>{escape(s)}</dialog><script>document.getElementById('d').showModal()</script>"
    ),
    "before": css(".x::before {content: SECRET}"),
    "after, important": css("html body p.x.x.x::after {content: SECRET !important}"),
    "attr()": text(
        '<style>.x::before {content: attr(data-x)}</style><p class=x data-x="SECRET">Here</p>'
    ),
    "variable": css("body {--s: SECRET} .x::before {content: var(--s)}"),
    "marker": css("li::marker {content: SECRET}"),
    "list style": css("li {list-style: SECRET inside}"),
    "counter style": css(
        "@counter-style c {system: cyclic; symbols: SECRET} li {list-style: c inside}"
    ),
    "quotes": css(".x {quotes: SECRET SECRET} .x::before {content: open-quote}"),
    "hyphens": css(".x {width: 20px; hyphens: manual; hyphenate-character: SECRET}"),
    "svg": svg,
    "svg with html": text(
        "<svg width=300 height=40><foreignObject width=300 height=40><p xmlns='http://www.w3.org/1999/xhtml'>SECRET</p></foreignObject></svg>"
    ),
    "math": text("<math><mi>SECRET</mi><mo>=</mo><mtext>SECRET</mtext></math> after"),
    "image": lambda s: f'<img src="{uri(s)}">',
    "image that is missing": text('<img src="data:," alt="SECRET"> after'),
    "input image": lambda s: f'<input type=image width=300 height=40 src="{uri(s)}">',
    "background": lambda s: (
        f"<p style=\"background:url('{uri(s)}');width:300px;height:40px\">Text</p>"
    ),
    "content of an element": lambda s: f"<p style=\"content:url('{uri(s)}')\">Text</p>",
    "video": lambda s: f'<video width=300 height=40 poster="{uri(s)}"></video>',
    "object": lambda s: (
        f'<object width=300 height=40 type="image/svg+xml" data="{uri(s)}">{escape(s)}</object>'
    ),
    "embed": lambda s: (
        f'<embed width=300 height=40 type="image/svg+xml" src="{uri(s)}"><object data="x:y">{escape(s)}</object>'
    ),
    "frame": lambda s: f'<iframe srcdoc="{escape(escape(s))}"></iframe>',
    "frame of another origin": lambda s: (
        f'<iframe src="data:text/html,{quote(escape(s))}"></iframe>'
    ),
    "canvas": script(
        "const c = x.appendChild(document.createElement('canvas')).getContext('2d'); c.fillText(s, 9, 20)"
    ),
    "open shadow root": script("x.attachShadow({mode: 'open'}).textContent = s"),
    "closed shadow root": script(
        "x.attachShadow({mode: 'closed'}).innerHTML = '<b></b><i></i>', 0; "
        "const y = x.appendChild(document.createElement('div')).attachShadow({mode: 'closed'}); y.textContent = s"
    ),
    "slots": script(
        "const r = x.attachShadow({mode: 'closed'}); r.innerHTML = 'a <slot></slot> b'; x.append(s)"
    ),
    "tooltip": text(
        "<style>.t{position:absolute;top:30px;left:90px;background:#000;color:#fff}</style><span class=t role=tooltip>SECRET</span>"
    ),
    "ruby": text("<ruby>SECRET<rt>SECRET</rt></ruby>"),
    "drawn again": script("setInterval(() => { x.textContent = s }, 0)"),
    "drawn again when it changes": script(
        "const put = () => { if (x.textContent !== s) x.textContent = s }; put();"
        "new MutationObserver(put).observe(x, {childList: true, characterData: true, subtree: true})"
    ),
    "other prototypes": script(
        "x.textContent = s; for (const type of [Array, String, Map, RegExp, Node, Element]) for (const name of "
        "Object.getOwnPropertyNames(type.prototype)) try { type.prototype[name] = () => s } catch {}"
    ),
    "a listener that tells": script(
        "customElements.define('a-b', class extends HTMLElement { static observedAttributes = ['placeholder'];"
        "attributeChangedCallback() { x.textContent = s } }); x.innerHTML = '<a-b placeholder=ab></a-b>'"
    ),
    "attributes": text(
        '<form class="SECRET" id="SECRET" name="SECRET"><label for="SECRET" class="a SECRET">Name</label><input name="SECRET" '
        'autocomplete="SECRET" aria-label="SECRET"></form>'
    ),
    "attributes, in parts": lambda s: "".join(
        f'<a class="{escape(one)}" id="{escape(one)}" aria-label="{escape(one)}">{escape(one)}</a>'
        for one in (s[:2], s[2:4], s[4:])
    ),
    "address": text('<a href="/?q=SECRET">Go</a><area href="SECRET">'),
}
UNKNOWN = {
    "code": ("482913", "007231", "55501234"),
    "code with a space": ("482 913", "007 231", "5550 1234"),
    "code with a dash": ("482-913", "007-231", "5550-1234"),
    "code with dots": ("4.8.2.9.1.3", "0.0.7.2.3.1", "5.5.5.0.1.2.3.4"),
    "code spaced out": ("4 8 2 9 1 3", "0 0 7 2 3 1", "5 5 5 0 1 2 3 4"),
    "code in other digits": ("४८२९१३", "००७२३१", "५५५०"),
    "code in circles": ("④⑧②⑨", "①⓪⑦②", "⑤⑤⑤⓪①"),
    "PIN": ("4829", "0072", "55501"),
    "mobile number": ("+91 98765 43210", "+91 70000 12345", "9876543210"),
    "mail": ("mine@broker.example", "hers@broker.example", "x@y.in"),
    "UPI": ("rahul@okbank", "sunil@okbank", "a@b"),
    "user id": ("AB1234", "QX0099", "ZZ12345"),
    "tax number": ("ABCDE1234F", "QWERT9876Y", "AB12CDE34F"),
    "token": ("eyJhbGciOi.J9eyJzd-WIi_x", "kQpLmZ7vTt.R0aaXyWb-Ql_z", "gfd8sGH7sdfKHJsd78fhskjdfh"),
    "long run": ("aB" * 15, "zQ" * 15, "kL" * 40),
    "letters": ("aBcDeFgHiJ", "qWeRtYuIoP", "zXcVbNmAsDfG"),
    "seed": ("JBSWY3DPEHPK3PXP", "MZXWAYTBOIAGKZAH", "GEZDGNBVGY3TQOJQGEZDGNBV"),
    "seed in groups": ("jbsw y3dp ehpk 3pxp", "mzxw 6ytb oi2g kz3h", "JBSW Y3DP EHPK 3PXP MZXW"),
    "groups": ("0f3a-99bc-1d22", "ab12-cd34", "Q1-W2-E3-R4-T5"),
    "reply": ('{"jwtToken": "abcdefgh"}', '{"jwtToken": "qrstuvwx"}', '{"jwtToken": "x y z"}'),
    "address": ("/x?request_token=abcdef", "/x?request_token=qrstuv", "/x?request_token=z"),
}  # fmt: skip
"""What nobody told us."""
ALL = os.environ.get("SCENARIOS") == "all"
ALONE = ["line breaks", "top layer", "drawn again", "other prototypes", "a listener that tells"]
"""What does not stand on one page with the rest, in `make test`."""
PAGE = "<!doctype html><meta charset=utf-8><title>t</title><h1>{label}</h1>{shown}<p>The end</p>"


def everywhere(secret):
    return "".join(show(secret) for place, show in PLACES.items() if place not in ALONE)


def in_words(secret):
    return f"<p>It is {escape(secret)} or <b>{escape(secret)}</b></p><button>{escape(secret)}</button><hr>"


@pytest.fixture(scope="module")
async def chromium():
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser())
        yield chromium
        await chromium.close()


@pytest.fixture
async def look(chromium):
    """What is drawn of a page, and its outline."""

    async def look(html, height=500):
        page = await chromium.new_page(viewport={"width": 800, "height": height})
        await page.set_content(html)
        sketched = await sketch.read(page, USERS[:1])
        await page.close()
        return sketched

    return look


async def assert_that_nothing_is_told(look, secrets, shown):
    first, *others = [
        await look(PAGE.format(label=LABEL, shown=shown(secret))) for secret in secrets
    ]
    for other in others:
        assert other.html == first.html
        assert other == first
    assert f">{LABEL}<" in first.html
    assert any(one["text"] == LABEL for one in first.outline)
    for secret in secrets:
        assert leaks([secret, secret[::-1]], [first.html, json.dumps(first.outline)]) == []


@pytest.mark.parametrize("place", PLACES if ALL else ALONE)
async def test_a_known_secret_is_not_told(look, place):
    redaction.remember(*KNOWN)
    secrets = KNOWN[:2] if place == "line breaks" else KNOWN  # each is a line
    await assert_that_nothing_is_told(look, secrets, PLACES[place])


async def test_known_secrets_are_not_told_wherever_they_stand(look):
    redaction.remember(*KNOWN)
    await assert_that_nothing_is_told(look, KNOWN[:2], everywhere)


@pytest.mark.parametrize("kind", UNKNOWN if ALL else ["code with a space"])
async def test_what_looks_like_a_secret_is_not_told(look, kind):
    await assert_that_nothing_is_told(look, UNKNOWN[kind], in_words)


@pytest.mark.parametrize("which", [1, 2])
async def test_all_that_looks_like_a_secret_is_not_told(look, which):
    shown = "".join(in_words(secrets[0]) for secrets in UNKNOWN.values())
    other = "".join(in_words(secrets[which]) for secrets in UNKNOWN.values())
    assert await look(shown) == await look(other)


async def test_the_pictures_of_two_secrets_are_equal_and_of_two_labels_are_not(look, chromium):
    """The same proof, at the pixels."""
    redaction.remember(*KNOWN)
    shown = [(LABEL, everywhere(secret)) for secret in KNOWN[:2]]
    pages = [*shown, ("Account locked", shown[0][1]), ("", "")]
    pictures = [
        await sketch.draw(chromium, await look(PAGE.format(label=label, shown=shown), 4000))
        for label, shown in pages
    ]
    assert pictures[0] == pictures[1]
    assert len({*pictures}) == 3


LABELS = {
    "login": (
        '<label for=u>User ID</label><input id=u><button type=submit>Log in</button><a href="/">Forgot password?</a>',
        ["User ID", "Log in", "Forgot password?"],
    ),
    "errors": (
        "<p role=alert>Incorrect username or password.</p><p>Account locked, 3 attempts of 5 used</p><p>Error 502</p>",
        ["Incorrect username or password.", "Account locked, 3 attempts of 5 used", "Error 502"],
    ),
    "placeholder": ("<input placeholder='Enter 6-digit TOTP'>", ["Enter 6-digit TOTP"]),
    "shadow": (
        "<div id=x></div><script>const x = document.getElementById('x').attachShadow({mode: 'closed'});x.innerHTML = '<label>Mobile number</label>'</script>",
        ["Mobile number"],
    ),
    "floating label": (
        "<input style='background:none'><label style='position:absolute;left:5px;pointer-events:none'>PIN</label>",
        ["PIN"],
    ),
    "white on a picture": (
        "<button style='color:#fff;background:linear-gradient(red,blue)'>Continue</button>",
        ["Continue"],
    ),
    "modal": (
        "<p>Beneath</p><div style='position:fixed;inset:0;background:#fff'><h2>Session expired</h2></div>",
        ["Session expired"],
    ),
    "Hindi": (
        "<p>पासवर्ड गलत है</p><label>उपयोगकर्ता आईडी</label>",
        ["पासवर्ड गलत है", "उपयोगकर्ता आईडी"],
    ),
    "emoji": ("<p>Wrong 🔒 code</p>", ["Wrong 🔒 code"]),
    "wrapped": ("<p style='width:90px'>One or two lines of words</p>", ["One or two"]),
}


@pytest.mark.parametrize("name", LABELS)
async def test_what_is_no_secret_can_be_read(look, name):
    html, words = LABELS[name]
    found = (await look(html)).html
    assert [word for word in words if f">{escape(word)}<" not in found] == []


async def test_what_lies_beneath_is_not_drawn(look):
    assert "Beneath" not in (await look(LABELS["modal"][0])).html


@pytest.mark.parametrize(
    "url",
    [
        "data:text/plain,hunter2-Rabbit%26x and words",
        "data:application/json,{%22jwtToken%22:%22abcdef%22,%22words%22:%22and words%22}",
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Ctext%3Ehunter2-Rabbit%3C/text%3E%3C/svg%3E",
        "http://127.0.0.1:9/",
        "about:blank",
    ],
)
async def test_any_document_has_a_sketch(chromium, url):
    redaction.remember(*KNOWN)
    page = await chromium.new_page()
    with contextlib.suppress(Error):
        await page.goto(url)
    found = await sketch.read(page, [])
    assert (await sketch.draw(chromium, found)).startswith(b"\x89PNG")
    assert "hunter" not in found.html
    assert "abcdef" not in found.html
    assert ("and words" in found.html) == ("words" in url)
    await page.close()


async def test_what_is_new_since_the_page_was_read_is_masked_wholly(chromium, monkeypatch):
    page = await chromium.new_page()
    await page.set_content("<p>One</p><h1>Two</h1><button>Press</button><input placeholder=Name>")
    call = sketch._call

    async def change_before(session, world, arguments):
        if arguments[0]["value"] is not None:
            await page.evaluate(
                "document.querySelector('p').firstChild.data = 'Later';"
                "document.querySelector('h1').innerHTML = 'Two'; document.body.append('New')"
            )
        return await call(session, world, arguments)

    monkeypatch.setattr(sketch, "_call", change_before)
    found = await sketch.read(page, [])
    assert [one["text"] for one in found.outline] == ["****", "Press", ""]
    assert found.html.count("****") == 3
    assert not [word for word in ("Later", "Two", "New") if word in found.html]
    assert ">Name<" in found.html


@pytest.mark.parametrize(
    "html",
    [
        "<form><input name=id><input name=name><input name=value><input name=type><input name=tagName>words</form>",
        "<form><input name=getAttribute><input name=matches></form>words",
        "<img name=documentElement><img name=body>words",
        "<frameset><frame></frameset>",
        "words" + "<div>" * 3000 + "deep",
        "words" + "<p>x</p>" * 30_000,
        "<p></p><script>document.body.innerHTML = 'words \\ud800'</script>",
        "<style>p {font-size: 1e9px; width: 1e30px}</style>words<p>x</p>",
    ],
)
async def test_an_odd_page_is_sketched_or_gives_our_own_error(look, html):
    refused = "getAttribute" in html
    with pytest.raises(Error, match="cannot be sketched") if refused else contextlib.nullcontext():
        assert "words" in (await look(html)).html or "frame" in html
