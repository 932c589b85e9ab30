"""Whether a sink still holds the token that it was given, by the receipt of its delivery.

The store keeps a receipt as fingerprints: a hash of a file that holds a short token would be the
token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from autologin.delivery.sinks.base import Receipt
from autologin.store.records import Presence

Fingerprint = Callable[..., str]
"""`store.fingerprint`."""
Parts = Mapping[str, Sequence[str]]
NO_RECEIPT = "an older autologin delivered it, so nobody can tell whether it is the same"


def seal(receipt: Receipt, fingerprint: Fingerprint) -> str:
    """A receipt as the store keeps it."""
    parts = {
        name: [fingerprint("part", name, mark) for mark in marks]
        for name, marks in receipt.parts.items()
    }
    place, form = fingerprint("place", receipt.place), fingerprint("form", receipt.form)
    return json.dumps({"place": place, "form": form, "parts": parts}, sort_keys=True)


def compare(kept: str | None, now: Receipt, fingerprint: Fingerprint) -> Presence:
    """What has become of a delivery, from its sealed receipt and what lies there now.

    Another place, or another form, that the config names since then is where the token is missing.
    Something else in its place is never `gone`: whoever put it there would lose it.
    """
    if kept is None:
        return Presence("unknown", NO_RECEIPT) if now.parts else Presence("gone", "it is gone")
    then, there = json.loads(kept), json.loads(seal(now, fingerprint))
    if then["place"] != there["place"]:
        if now.parts and then["parts"] != there["parts"]:
            return Presence("replaced", f"at the place that the config names now, {now.words}")
        return Presence("gone", "it was delivered to another place", moved=True)
    if any(_differs(name, then["parts"], there["parts"]) for name in then["parts"]):
        return Presence("replaced", now.words)
    if missing := [name for name in then["parts"] if name not in there["parts"]]:
        some = there["parts"] or len(missing) > 1
        return Presence("gone", f"{', '.join(missing)} is gone" if some else "it is gone")
    if then["form"] != there["form"]:
        return Presence("gone", "it was delivered in another form", moved=True)
    return Presence("present")


def _differs(name: str, then: Parts, there: Parts) -> bool:
    """Whether a part that is there is another one; a mark that only one side has tells nothing."""
    pairs = zip(then[name], there.get(name, ()), strict=False)
    return any(old != new for old, new in pairs)
