"""The tree of errors is the one that is drawn, and every error says what happened and what to do, and no secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autologin import errors, redaction
from autologin.errors import (
    AccountLocked,
    AutologinError,
    BrokerUnavailable,
    Bug,
    ConfigError,
    ForeignDestination,
    LeaseLost,
    OtpRejected,
    PageChanged,
    Problem,
    StoreError,
)
from autologin.flow import registry

GROUPS = {"AutologinError", "Rejected", "NeedsPerson", "Transient"}
"""Never raised themselves."""
KINDS_OF = {"LeaseLost": "BrokerUnavailable", "ForeignDestination": "PageChanged"}
"""Those that have the name of another."""


def drawn() -> dict[str, tuple[str | None, int]]:
    """Class name -> its base's name and its exit code, from the drawing in the module's docstring."""
    found: dict[str, tuple[str | None, int]] = {}
    group = ("", 0)
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"^ {4}( *)([A-Z]\w+) +(\d)(?: {2,}(.*))?$", line):
            base = {0: None, 2: "AutologinError", 4: KINDS_OF.get(match[2])}[len(match[1])]
            group = (match[2], int(match[3]))
            found[match[2]] = (base, group[1])
            found |= dict.fromkeys((match[4] or "").split(), group)
        elif re.match(r"^ {30,}[A-Z]", line):
            found |= dict.fromkeys(line.split(), group)
    return found


def real() -> dict[str, tuple[str | None, int]]:
    """The same, from the classes."""
    bases = {kind: kind.__bases__[0] for kind in kinds()}
    return {
        kind.__name__: (None if base is Exception else base.__name__, kind.exit_code)
        for kind, base in bases.items()
    }


def kinds() -> list[type[AutologinError]]:
    """Every class of this module."""
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, AutologinError)
    ]


RAISED = [kind for kind in kinds() if kind.__name__ not in GROUPS and kind is not ConfigError]


def test_the_drawn_tree_is_the_real_one():
    assert drawn() == real()
    assert len(drawn()) == len(kinds()) > 15


def test_no_error_class_lives_anywhere_else():
    sources = [
        file for file in Path(errors.__file__).parent.rglob("*.py") if file.name != "errors.py"
    ]
    names = "|".join(kind.__name__ for kind in kinds())
    assert len(sources) > 20
    assert not [
        file
        for file in sources
        if re.search(rf"^class \w+\(.*\b({names})\b", file.read_text(), re.MULTILINE)
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AutologinError", 1),
        ("StoreError", 1),
        ("ConfigError", 2),
        ("CredentialsRejected", 3),
        ("AccountBlocked", 3),
        ("StateMismatch", 3),
        ("PageChanged", 4),
        ("OtpNotAvailable", 4),
        ("BrokerUnavailable", 5),
        ("BrowserCrashed", 5),
        ("DeliveryFailed", 6),
    ],
)
def test_exit_codes_are_a_contract(name, code):
    assert getattr(errors, name).exit_code == code


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_names_are_the_class_names_in_snake_case(kind):
    error = kind(Problem("key", "is wrong")) if kind is ConfigError else kind()
    if kind is Bug:
        kind = AutologinError
    if kind is LeaseLost:
        kind = BrokerUnavailable  # the names are a contract, and this is one of its reasons
    if kind is ForeignDestination:
        kind = PageChanged
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.name)
    assert "".join(word.capitalize() for word in error.name.split("_")) == kind.__name__


def test_names_that_others_alert_on():
    assert OtpRejected().name == "otp_rejected"
    assert BrokerUnavailable().name == "broker_unavailable"


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_each_error_says_what_to_do(kind):
    hint = kind().hint
    assert len(hint.split()) >= 5
    assert re.match(r"[A-Za-z]", hint)
    assert hint.endswith(".")


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_an_error_without_words_of_its_own_says_what_its_class_is_for(kind):
    detail = kind().detail
    assert detail == (kind.__doc__ or "").splitlines()[0]
    assert kind().message == f"{detail} {kind().hint}"


def test_a_message_names_the_stage_what_happened_what_to_do_and_where_to_look(tmp_path):
    error = AccountLocked("Your account is blocked")
    error.stage, error.bundle = "login", tmp_path
    assert (
        error.message
        == f"login: Your account is blocked. {AccountLocked.hint} What the page showed is in {tmp_path}."
    )


@pytest.mark.parametrize(
    ("detail", "sentence"), [("No", "No."), ("No.", "No."), ("No!", "No!"), ("Why?", "Why?")]
)
def test_a_message_is_made_of_sentences(detail, sentence):
    assert StoreError(detail, hint="").message == sentence


def test_a_mend_of_its_own_wins_over_the_classes():
    assert StoreError("full", hint="Free some space.").hint == "Free some space."
    assert StoreError("full", hint="").hint == ""
    assert StoreError("full", hint=None).hint == StoreError.hint


def test_what_was_said_is_what_python_shows():
    assert str(AccountLocked("Your account is blocked")) == "Your account is blocked"


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_no_error_holds_a_known_secret(kind):
    redaction.remember("hunter2canary")
    error = kind("no, hunter2canary is wrong", hint="Change hunter2canary.")
    for text in (
        error.detail,
        error.hint,
        error.message,
        str(error),
        repr(error),
        repr(error.args),
    ):
        assert "hunter2canary" not in text
    assert error.detail == f"no, {redaction.MASK} is wrong"


def test_no_problem_of_a_config_holds_a_known_secret():
    redaction.remember("hunter2canary")
    error = ConfigError(
        [
            Problem("a.b", "hunter2canary is wrong", "Change hunter2canary."),
            Problem("c", "is missing"),
        ]
    )
    for text in (error.detail, error.message, str(error), repr(error), repr(error.problems)):
        assert "hunter2canary" not in text


def test_a_config_error_tells_every_problem_with_its_key_and_mend():
    error = ConfigError([Problem("a.b", "is wrong", "Change it."), Problem("c", "is missing")])
    assert error.detail == "a.b: is wrong\n    Change it.\nc: is missing"
    assert [problem.key for problem in error.problems] == ["a.b", "c"]
    assert ConfigError(Problem("c", "is missing")).problems == [Problem("c", "is missing")]


def test_what_the_policy_needs_to_know_is_on_the_error():
    assert OtpRejected("no", attempts_left=3).attempts_left == 3
    assert OtpRejected("no").attempts_left is None
    assert BrokerUnavailable("busy", retry_after=20.0).retry_after == 20
    assert BrokerUnavailable("busy").retry_after is None


def test_what_a_broker_says_stays_on_one_line_and_steers_no_terminal():
    detail = BrokerUnavailable(
        'X said: "bad \x1b[31mred\x07 \r\n12:00 INFO forged \u202e' + "x" * 5000
    ).detail
    assert detail.startswith('X said: "bad  [31mred   12:00 INFO forged  xxx')
    assert detail.isprintable()
    assert len(detail) < 700


def caught(work):
    """What is told of the exception that something ends with."""
    try:
        work()
    except (LookupError, AttributeError) as unexpected:
        return Bug.of(unexpected)
    raise AssertionError


def test_a_bug_is_told_by_its_type_and_our_innermost_line(monkeypatch):
    monkeypatch.setattr(registry, "FLOWS", None)
    bug = caught(registry.names)
    assert (bug.name, bug.exit_code) == ("autologin_error", 1)
    where = r"This is a mistake in autologin \(AttributeError in flow/registry\.py:\d+\)"
    assert re.fullmatch(where, bug.detail)
    assert "report it" in bug.hint
    assert bug.frames.count("registry.py:") == 1


def test_a_bug_in_a_broker_s_flow_is_not_called_the_user_s(monkeypatch):
    from autologin.flows import zerodha

    names = {"__name__": zerodha.__name__}
    bug = caught(lambda: exec(compile("\n\n{}['canary']", zerodha.__file__, "exec"), names))
    assert bug.detail == "This is a mistake in autologin (KeyError in flows/zerodha.py:3)"


def test_a_bug_that_is_nobodys_has_no_place():
    assert Bug.of(KeyError("canary")).detail == "This is a mistake in autologin (KeyError)"
