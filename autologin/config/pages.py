"""What an account can say of its broker's pages, where they differ from what the flow knows."""

# No `from __future__ import annotations`: pydantic reads these annotations at import.

import re
from typing import Annotated

from pydantic import AfterValidator

from autologin.flow.notices import find_subject
from autologin.problems import refuse

IDENT = r"(?:--|-?(?:[_a-zA-Z]|[^\x00-\x7f]|\\.))(?:[\w-]|[^\x00-\x7f]|\\.)*"
STRING = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
ATTRIBUTE = rf"\[\s*{IDENT}\s*(?:[~|^$*]?=\s*(?:{STRING}|{IDENT})\s*(?:[iIsS]\s*)?)?\]"
ARGUMENT = rf"\((?:[^()\"']|{STRING}|\((?:[^()\"']|{STRING})*\))+\)"
PART = rf"(?:\#(?:[\w-]|[^\x00-\x7f]|\\.)+|\.{IDENT}|{ATTRIBUTE}|:{IDENT}(?:{ARGUMENT})?)"
COMPOUND = rf"(?:(?:{IDENT}|\*){PART}*|{PART}+)"
SELECTOR = re.compile(rf"{COMPOUND}(?:(?:\s*[>+~,]\s*|\s+){COMPOUND})*")
HOW = 'Write it as `autologin inspect` prints it, such as "#login-password".'
LONGEST = 500


def check_css(text: str) -> str:
    """A CSS selector, as far as one can be told without a page."""
    selector = text.strip()
    if not selector:
        refuse("is empty", HOW)
    if selector.startswith(("/", "(", "xpath=")):
        refuse("is no CSS selector, but an XPath", HOW)
    if re.search(r"#\d", selector) and not re.search(STRING, selector):
        hint = "Write an id that begins with a digit as \"[id='1st']\"."
        refuse("is no CSS selector: an id in it begins with a digit", hint)
    if len(selector) > LONGEST or not SELECTOR.fullmatch(selector):
        refuse("is no CSS selector", HOW)
    return selector


def check_pattern(text: str) -> str:
    """A regular expression that does not match everything."""
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        hint = "Put a \\ before signs such as ( ) [ ? + * . that are meant as they are."
        refuse(f"is not a regular expression ({error.msg})", hint)
    if pattern.search(""):
        refuse("matches everything", "Write some of the words that the page says.")
    return text


def check_dismissed(text: str) -> str:
    """The words of a button that agrees to nothing."""
    words = " ".join(text.split())
    if not words:
        refuse("is empty", 'Write the words on the button, such as "Remind me later".')
    if subject := find_subject(words):
        detail = f"is about {subject}, which autologin never decides for you"
        refuse(detail, "Sign in by hand once and decide it there, or press it with --headed.")
    return words


Css = Annotated[str, AfterValidator(check_css)]
Pattern = Annotated[str, AfterValidator(check_pattern)]
ButtonText = Annotated[str, AfterValidator(check_dismissed)]
