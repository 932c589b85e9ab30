"""The keys `mode`, `owner` and `group` of a sink that writes files."""

from __future__ import annotations

import grp
import pwd
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from autologin.errors import DeliveryFailed
from autologin.files import Rights
from autologin.problems import refuse

HIGHEST = 2**32 - 2
"""The highest number of a user or a group; the next one means "leave it" to the system."""


def _parse_mode(value: Any) -> int:
    if isinstance(value, int):
        refuse("must be text, and YAML reads it as a number", 'Quote it, as "0640".')
    if not isinstance(value, str) or not re.fullmatch(r"(0o?)?[0-7]{3}", value):
        refuse("must be a file's rights in octal digits", 'Such as "0600" or "0640"; in quotes.')
    mode = int(value.removeprefix("0o"), 8)
    if mode & 0o007:
        refuse(
            "would let everybody on this machine at the token",
            'Name the readers in `group`, with mode "0640".',
        )
    if mode & 0o110 or not mode & 0o400:
        refuse("are not rights for a file that is read", 'Such as "0600", "0400" or "0640".')
    return mode


def _parse_principal(value: Any) -> str:
    number = isinstance(value, int) and not isinstance(value, bool)
    text = str(value) if number or isinstance(value, str) else ""
    if text.isascii() and text.isdigit():
        if int(text) > HIGHEST:
            refuse("is too high a number")
        return str(int(text))
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.@-]*\$?", text):
        refuse("must be a name or a number", "Such as trader, or 1000.")
    return text


Mode = Annotated[int, BeforeValidator(_parse_mode)]
Principal = Annotated[str, BeforeValidator(_parse_principal)]
"""A user or a group, by name or by number."""


def rights(sink: str, mode: int, owner: str | None, group: str | None) -> Rights:
    """Whom a file is for.

    Names are looked up when it is written: a user may be made later than the config is read.

    Raises:
        DeliveryFailed: this machine does not know the user or the group.
    """
    user = _look_up_id(sink, "owner", owner, lambda name: pwd.getpwnam(name).pw_uid)
    return Rights(
        mode, user, _look_up_id(sink, "group", group, lambda name: grp.getgrnam(name).gr_gid)
    )


def _look_up_id(sink: str, key: str, name: str | None, look_up: Callable[[str], int]) -> int:
    if name is None:
        return -1
    if name.isdigit():
        return int(name)
    try:
        return look_up(name)
    except KeyError:
        what = "user" if key == "owner" else "group"
        raise DeliveryFailed(
            f'There is no {what} "{name}" here',
            hint=f"Correct sinks.{sink}.{key}, or give a number.",
        ) from None
