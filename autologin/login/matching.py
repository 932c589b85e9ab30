"""Which inputs on a page are the fields that a flow means.

A snapshot in, a decision out.

A field is never found by one way alone. Each way that agrees (CSS, label, placeholder,
autocomplete, type, position) is evidence; the form with the most evidence wins, and two that are
equal are refused: a password in the wrong box is worse than a failed run. No input serves two
fields, and on a form that is no login (page_kinds.py) there are none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autologin.flow.script import InputField, is_pin
from autologin.login import words
from autologin.login.page_kinds import (
    NEVER_FILLED,
    calls,
    form_kind,
    is_new_password,
    is_password,
)
from autologin.login.snapshot import InputElement, Snapshot
from autologin.login.words import spell

ENOUGH = 2
"""Evidence that a field needs: one strong way (a label, an id) or two weak ones (a type and a
position)."""
PINNED = 50
"""Evidence that the user's own selector is: more than all other ways together."""
KEYED = {"code", "pin"}
"""Kinds of fields that are typed key by key, into one box or into one for each digit."""
TEXT_TYPES = {"text", "email", "tel", "search", "url", "number", ""}
POSTAL = re.compile(r"pin ?code")
NAME_OF = re.compile(r"\W*(имя|nom|nombre|nome|name)\W*(de|d|of|del|di)?\W*\w{0,2}\W*")
"""What is left of "nom d'utilisateur" without the user."""
PLAIN_NAME = re.compile(r"(your |display )?(name|имя|nom|nombre|nome)")
NARROW = 90
"""Pixels: a box that is wider is not for a single digit."""
SAME_ROW = 8
"""Pixels by which the boxes of one row may differ."""
OF_SOMEBODY = re.compile(
    r"\b(user|client|customer|member|account|trading|log ?in|sign ?in|web|net)s? "
    r"(?=(pass|pwd|[mt]?pin\b))"
)
"""Whose password it is."""
PHONE = re.compile(r"\b(mobile|phone|telephone)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """The fields that were found, all in one form; a code has one element, or one for each digit.

    `unclear` names the fields for which two inputs are equally good.
    """

    group: int
    inputs: Mapping[InputField, Sequence[InputElement]]
    unclear: tuple[str, ...] = ()


class Ambiguous(Exception):
    """Two places are equally good for a field."""


def find_form(snapshot: Snapshot, wanted: Sequence[InputField]) -> Form | None:
    """The form that holds the wanted fields, or some of them; None where there is none.

    Raises:
        Ambiguous: two forms, or two inputs in one, are equally good.
    """
    forms = [form for inputs in _clusters(snapshot) if (form := _in_one(snapshot, inputs, wanted))]
    if not forms:
        return None
    ranked = sorted(forms, key=_weight, reverse=True)
    best = ranked[0]
    if best.unclear:
        raise Ambiguous(" and ".join(best.unclear))
    rivals = [form for form in ranked[1:] if _weight(form) == _weight(best)]
    if any(
        _have_own_headings(snapshot, best, rival) or not _is_drawn_twice(best, rival)
        for rival in rivals
    ):
        raise Ambiguous(" and ".join(field.name for field in best.inputs))
    return best


def find_certain_form(snapshot: Snapshot, wanted: Sequence[InputField]) -> Form | None:
    """The same, and None also where two are equally good."""
    try:
        return find_form(snapshot, wanted)
    except Ambiguous:
        return None


def cluster_of(snapshot: Snapshot, elements: Iterable[InputElement]) -> Sequence[InputElement]:
    """The inputs that are sent together with these: those of their form.

    A form around a whole page may hold two logins, or a login and a search; then those of theirs.
    """
    indexes = {element.index for element in elements}
    clusters = (
        cluster
        for cluster in _clusters(snapshot)
        if indexes & {element.index for element in cluster}
    )
    return next(clusters, ())


def evidence(field: InputField, element: InputElement, *, alone: bool = False) -> int:
    """How much speaks for this element being that field; 0 where it cannot be.

    `alone`: it is the only text box before a password.
    """
    return sum(_ways(field, element, alone=alone))


def is_for_another_otp(field: InputField, element: InputElement, snapshot: Snapshot) -> bool:
    """Whether a element is for a code, but not for this field's.

    An SMS code where a TOTP is meant.
    """
    typed = (
        element.type in {"number", "tel"}
        or element.numeric
        or element.maxlength in {1, field.digits}
    )
    if not field.other or not (typed or _matches(r"code|otp|\bpin\b", element.words)):
        return False
    if _matches(field.other, element.words):
        return True
    said = [spell(line) for line in snapshot.lines]
    ours = any(words.TOTP.search(line) for line in [calls(element), _names(element), *said])
    return not ours and any(words.SENT.search(line) for line in said)


# What speaks for a field


def _ways(field: InputField, element: InputElement, *, alone: bool = False) -> Iterator[int]:
    if not _possible(field, element, alone=alone):
        return
    if field.pin is not None:
        yield PINNED
    if field.name in element.css:
        yield 3
    by_flow = _matches(field.label, element.label) or _matches(field.label, element.placeholder)
    if _matches(field.label, element.label):
        yield 3
    if _matches(field.label, element.placeholder):
        yield 2
    own_names = _names(element)
    if _matches(field.label, own_names) or _matches(field.label, f"{element.name} {element.id}"):
        yield 2
    if _matches(field.label, element.near):
        yield 2
    if set(field.autocomplete) & set(element.autocomplete.split()):
        yield 3
    known = _common_words(field)
    if known and not by_flow:
        if known.search(calls(element)):
            yield 2
        elif known.search(own_names):
            yield 1
    yield from _by_type(field, element)


def _by_type(field: InputField, element: InputElement) -> Iterator[int]:
    if field.kind == "password":
        yield 2 * element.masked
    elif field.kind == "text":
        yield 1
    else:
        if field.kind == "pin" and element.masked:
            yield 2
        if element.type in {"number", "tel"} or element.numeric:
            yield 1
        if field.digits in {element.maxlength, element.drawn}:
            yield 1


def _common_words(field: InputField) -> re.Pattern[str] | None:
    kinds = {"text": words.USER_ID, "password": words.PASSWORD, "code": words.OTP}
    return kinds.get(field.kind)


def _possible(field: InputField, element: InputElement, *, alone: bool = False) -> bool:
    if field.pin is not None:
        return (
            field.pin.key in element.css and element.enabled and not speaks_against(field, element)
        )
    if any(map(is_pin, element.css)):
        return False
    if not element.enabled or (field.other and _matches(field.other, element.words)):
        return False
    if element.readonly and element.filled:  # an empty one may open once it has the focus
        return False
    if field.kind == "password":
        return is_password(element)
    named = _matches(field.label, element.words)
    if field.kind == "phone":
        return element.type in TEXT_TYPES and (
            element.maxlength == -1 or element.maxlength >= field.digits
        )
    if field.kind in KEYED:
        return _takes_digits(field, element) and (
            (named and not _is_other_code(field, element)) or not _is_for_another(field, element)
        )
    return (
        element.type in TEXT_TYPES
        and not element.masked
        and element.maxlength != 1
        and "one-time-code" not in element.autocomplete
        and (named or field.name in element.css or not _speaks_against_user(element, alone=alone))
        and not words.CAPTCHA.search(calls(element))
        and not _takes_another_address(field, element)
    )


def _takes_another_address(field: InputField, element: InputElement) -> bool:
    """Whether a box is for a phone number or a mail address alone, and the field for neither."""
    called = calls(element)
    if words.USER_ID.search(words.ADDRESS.sub("", called)) or _matches(field.label, element.words):
        return False
    return any(
        pattern.search(called) and not _matches(field.label, known)
        for pattern, known in ((words.MAIL, "e-mail"), (words.PHONE, "mobile"))
    )


def speaks_against(field: InputField, element: InputElement) -> str:
    """What a page calls a box that a user names for the password, and where none may be typed.

    Empty where it may: a password is typed into a plain box if the page calls it nothing else.
    """
    if field.kind not in {"password", "pin"}:
        return ""
    called = OF_SOMEBODY.sub("", calls(element) or _names(element))
    if words.OTP.search(called) and not words.PASSWORD.search(called):
        return "a code"
    if element.masked:
        return ""
    if element.type == "email" or words.MAIL.search(called):
        return "an e-mail address"
    if element.type == "search" or words.SEARCH.search(called):
        return "a search"
    if words.CAPTCHA.search(called):
        return "a captcha"
    if words.USER_ID.search(called):
        return "a user id"
    return "a code" if re.search(r"\bcode\b", words.PASSWORD.sub("", called)) else ""


def _takes_digits(field: InputField, element: InputElement) -> bool:
    return element.type in {*TEXT_TYPES, "password"} and (
        element.maxlength in {-1, 1} or element.maxlength >= field.digits
    )


def _is_other_code(field: InputField, element: InputElement) -> bool:
    """Whether a box is for a code or PIN of another kind, that the flow does not speak of."""
    found = words.OTHER_CODE.search(calls(element))
    if found is None or field.name in element.css:
        return False
    return bool(POSTAL.search(found.group())) or not _matches(field.label, found.group())


def _is_for_another(field: InputField, element: InputElement) -> bool:
    """Whether its words, in whatever language, name another field than a code or a PIN."""
    called = calls(element)
    if words.CAPTCHA.search(called) and not words.OTP.search(called):
        return True
    if PHONE.search(called) or words.SEARCH.search(called) or words.OTHER_CODE.search(called):
        return True
    if field.kind == "code":
        if words.OTP.search(called):
            return False
        named = words.USER_ID.search(called) or words.NO_USER_ID.search(called)
        return bool(words.PASSWORD.search(called) or (named and not re.search("code", called)))
    if words.OTP.search(called) or re.search(r"\bcode\b", called):
        return True
    return bool(words.USER_ID.search(called)) and not words.PASSWORD.search(called)


def _speaks_against_user(element: InputElement, *, alone: bool) -> bool:
    """Whether what an input is called is no user id: "last name", "code", "search".

    Of the only one before a password only another field's name says so.
    """
    called = words.USER_ID.sub("", calls(element))
    if alone and PLAIN_NAME.fullmatch(called):
        return False
    if called != calls(element) and NAME_OF.fullmatch(called):
        return False
    if not calls(element):
        named = words.USER_ID.sub("", _names(element))
        return bool(words.SEARCH.search(named) or words.NO_USER_ID.search(named))
    return bool(
        words.NO_USER_ID.search(called)
        or words.SEARCH.search(called)
        or words.OTP.search(calls(element))
        or (element.type == "search" and not words.USER_ID.search(calls(element)))
    )


def _names(element: InputElement) -> str:
    """An input's name and id in words, without those that its form is called by."""
    parts = spell(f"{element.name} {element.id}").split()
    of_form = set(spell(element.form_names).split())
    return " ".join([part for part in parts if part not in of_form] or parts)


def _matches(pattern: str, text: str) -> bool:
    return bool(text) and bool(re.search(pattern, text, re.IGNORECASE))


# The inputs of one form


def _clusters(snapshot: Snapshot) -> list[list[InputElement]]:
    """The inputs that belong together: those of a form, or of each login in a page-wide form."""
    found: list[list[InputElement]] = []
    for group in range(len(snapshot.groups)):
        if form_kind(snapshot, group) not in NEVER_FILLED:
            found += _split([one for one in snapshot.inputs if one.group == group])
    return found


def _split(inputs: Sequence[InputElement]) -> list[list[InputElement]]:
    """One form's inputs, cut behind each password that has a text box of its own before it."""
    parts: list[list[InputElement]] = [[]]
    for element in inputs:
        closed = any(is_password(one) for one in parts[-1])
        if closed and not element.masked and _starts_anew(element, inputs):
            parts.append([])
        parts[-1].append(element)
    return [part for part in parts if part]


def _starts_anew(element: InputElement, inputs: Sequence[InputElement]) -> bool:
    after = inputs[inputs.index(element) + 1 :]
    return bool(after) and is_password(after[0])


def _in_one(
    snapshot: Snapshot, inputs: Sequence[InputElement], wanted: Sequence[InputField]
) -> Form | None:
    group = inputs[0].group
    is_login = form_kind(snapshot, group) == "login"
    found: dict[InputField, Sequence[InputElement]] = {}
    unclear: list[str] = []
    for field in wanted:
        taken = {one.index for several in found.values() for one in several}
        free = [one for one in inputs if one.index not in taken]
        best = _digit_boxes(field, free) or _best(field, free, inputs)
        if not is_login and field.kind == "text" and not _is_known(field, best):
            continue
        if any(one.kind == "password" for one in found) and not _is_surely_code(field, best):
            continue
        if field.kind in KEYED and field.pin is None and _is_for_another_matter(snapshot, group):
            continue
        if len(best) > 1 and len(best) != field.digits:
            unclear.append(field.name)
        elif best:
            found[field] = best
    alone = [field.kind for field in found if field.pin is None] == ["password"]
    if alone and len(found) == 1 and not is_login and any(field.kind == "text" for field in wanted):
        return None  # somebody who is signed in is asked for it once more
    return Form(group, found, tuple(unclear)) if found or unclear else None


def _is_surely_code(field: InputField, elements: Iterable[InputElement]) -> bool:
    """Whether a box beside a password is for the OTP, and not for a captcha's letters.

    True of any field that is no code.
    """
    return field.kind != "code" or all(
        words.OTP_SURE.search(f"{calls(one)} {_names(one)}") or one.drawn or _is_known(field, [one])
        for one in elements
    )


def _is_for_another_matter(snapshot: Snapshot, group: int) -> bool:
    """Whether a form wants a code to confirm something: a pledge, a nominee, a withdrawal."""
    told = snapshot.form(group)
    said = f"{spell(told.heading)} {spell(told.text)}"
    return bool(words.OTHER_MATTER.search(said)) and not words.TOTP.search(said)


def _is_known(field: InputField, elements: Iterable[InputElement]) -> bool:
    """Whether the flow's own selector, or the user's, found it, whatever its form is for."""
    names = {field.name, field.pin.key} if field.pin else {field.name}
    return any(not names.isdisjoint(element.css) for element in elements)


def _digit_boxes(field: InputField, inputs: Iterable[InputElement]) -> list[InputElement]:
    """The row of equal narrow inputs for a code, where this form has one of the right length."""
    if field.kind not in KEYED:
        return []
    boxes = [one for one in inputs if one.maxlength == 1 and _possible(field, one)]
    if len(boxes) == field.digits:
        return boxes
    narrow = [one for one in inputs if 0 < one.box[2] <= NARROW and _may_be_digit(field, one)]
    rows = [[one for one in narrow if _is_in_row(one, first)] for first in narrow]
    return next((row for row in rows if len(row) == field.digits), [])


def _may_be_digit(field: InputField, element: InputElement) -> bool:
    """Whether it may be one of a row, whatever it says of its length."""
    return _possible(field, replace(element, maxlength=-1))


def _is_in_row(one: InputElement, other: InputElement) -> bool:
    same = zip(one.box[1:], other.box[1:], strict=True)
    return one.type == other.type and all(abs(ours - theirs) <= SAME_ROW for ours, theirs in same)


def _best(
    field: InputField, inputs: Sequence[InputElement], everything: Sequence[InputElement]
) -> list[InputElement]:
    """The inputs with the most evidence: none, the one, or several that are equally good."""
    single = [element for element in inputs if element.maxlength != 1]
    texts = _texts_before_password(everything)

    def weight(element: InputElement) -> int:
        before = field.kind == "text" and _before_password(element, everything)
        only = before and texts == [element]
        found = evidence(field, element, alone=only)
        if field.kind == "text":
            # A name that is no user id's is none because of the place where it stands.
            named = calls(element) and not words.USER_ID.search(calls(element))
            by_place = 1 if named and not only and not _matches(field.label, element.words) else 3
            return found + by_place * (found > 0 and before)
        alone = field.kind in {*KEYED, "phone"} and len(single) == 1
        return found + (0 < found < ENOUGH and alone)

    if field.kind == "text" and any(map(_is_surely_user_id, single)):
        single = [one for one in single if not _is_address(one)]
    most = max(map(weight, single), default=0)
    best = [element for element in single if weight(element) == most] if most >= ENOUGH else []
    if field.kind == "password" and len(best) > 1:
        return [one for one in best if not is_new_password(one)][:1] or best
    return best


def _before_password(element: InputElement, inputs: Sequence[InputElement]) -> bool:
    after = inputs[inputs.index(element) + 1 :]
    return bool(after) and is_password(after[0])


def _is_surely_user_id(element: InputElement) -> bool:
    """Whether a box is called a user id, beside a phone number or a mail address or not."""
    called = words.ADDRESS.sub("", calls(element))
    return not element.masked and bool(words.USER_ID.search(called))


def _is_address(element: InputElement) -> bool:
    """Whether a box is called a phone number or a mail address, and nothing else."""
    return bool(words.ADDRESS.search(calls(element))) and not _is_surely_user_id(element)


def _texts_before_password(inputs: Sequence[InputElement]) -> list[InputElement]:
    before = itertools.takewhile(lambda one: not is_password(one), inputs)
    return [one for one in before if one.enabled and not one.readonly]


def _weight(form: Form) -> tuple[bool, int]:
    """What ranks a form: a password in it, then its evidence."""
    has_password = any(field.kind == "password" for field in form.inputs)
    total = sum(
        max(evidence(field, element) for element in inputs) + ENOUGH
        for field, inputs in form.inputs.items()
    )
    return has_password, total


def _have_own_headings(snapshot: Snapshot, one: Form, other: Form) -> bool:
    """Whether two forms say of themselves that they are for different people."""
    ours, theirs = snapshot.form(one.group), snapshot.form(other.group)
    return ours.within and theirs.within and spell(ours.heading) != spell(theirs.heading)


def _is_drawn_twice(one: Form, other: Form) -> bool:
    """Whether two forms are the same one, as for a desktop and a phone, or for head and body."""
    if one.inputs.keys() != other.inputs.keys():
        return False
    pairs = [
        pair
        for field in one.inputs
        for pair in zip(one.inputs[field], other.inputs[field], strict=False)
    ]
    if any(
        ours.type != theirs.type or _goes_to(ours) != _goes_to(theirs) for ours, theirs in pairs
    ):
        return False
    named = all(ours.name and ours.name == theirs.name for ours, theirs in pairs)
    others = any(ours.name and theirs.name and ours.name != theirs.name for ours, theirs in pairs)
    called = all(_letters(ours) and _letters(ours) == _letters(theirs) for ours, theirs in pairs)
    contrary = any(
        _letters(ours) and _letters(theirs) and _letters(ours) != _letters(theirs)
        for ours, theirs in pairs
    )
    return (called and not others) or (named and not contrary)


def _letters(element: InputElement) -> str:
    return "".join(filter(str.isalnum, calls(element)))


def _goes_to(element: InputElement) -> str:
    return re.split(r"[?#]", element.sends_to)[0]
