"""Nothing secret is on disk in plain text; keys can be rotated; secrets get names that say nothing."""

from __future__ import annotations

import base64
import os
import stat

import pytest
from pydantic import SecretStr
from support.clock import MORNING
from support.leaks import forms
from support.store import KEYS, SECRET, a_token, mark_verified, save

from autologin.errors import AutologinError, ConfigError, StoreError


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def everything_in(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


# On disk


def test_nothing_secret_is_on_disk(opener, tmp_path):
    kept = opener()
    for _ in range(3):
        save(kept, "z", a_token())
        kept.attempts.save_manual_login("z", "nonce-canary-12", SecretStr("verifier-canary"))
    kept.fingerprint("zerodha", "password-canary")
    fingerprint_key = kept._fingerprint_key
    while_open = everything_in(tmp_path)
    assert b"zerodha" in while_open
    kept.close()
    for content in (while_open, everything_in(tmp_path)):
        assert fingerprint_key not in content
        for secret in (
            SECRET,
            "public-canary-41",
            "nonce-canary-12",
            "verifier-canary",
            "password-canary",
        ):
            assert not [form for form in forms(secret) if form.encode() in content]


# Keys and rights


def test_everything_is_for_its_owner_alone(opener, tmp_path):
    old = os.umask(0o022)
    try:
        save(opener(), "z", a_token())
    finally:
        os.umask(old)
    folder = tmp_path / "state"
    assert mode(folder) == 0o700
    assert {file.name: mode(file) for file in folder.iterdir()} == dict.fromkeys(
        ("autologin.db", "autologin.db-shm", "autologin.db-wal", "key"), 0o600
    )


def test_a_key_is_made_once(opener, tmp_path):
    opener().close()
    key = (tmp_path / "state/key").read_bytes()
    assert len(base64.urlsafe_b64decode(key)) == 32
    opener().close()
    assert (tmp_path / "state/key").read_bytes() == key


def test_two_stores_have_two_keys(opener, tmp_path):
    opener()
    opener(folder=tmp_path / "other")
    assert (tmp_path / "state/key").read_bytes() != (tmp_path / "other/key").read_bytes()


def test_a_configured_key_leaves_no_key_file(opener, tmp_path):
    save(opener(KEYS[:1]), "z", a_token())
    assert not (tmp_path / "state/key").exists()
    assert opener(KEYS[:1]).tokens.get("z").token == a_token()


def test_another_key_is_an_error_and_not_an_empty_store(opener):
    save(opener(KEYS[:1]), "z", a_token())
    with pytest.raises(StoreError, match="encrypted with another key") as caught:
        opener(KEYS[1:2])
    assert "Put the old key back" in caught.value.hint
    assert opener(KEYS[:1]).tokens.get("z").token == a_token()


def test_a_lost_key_file_is_an_error_and_not_an_empty_store(opener, tmp_path):
    save(opener(), "z", a_token())
    (tmp_path / "state/key").unlink()
    with pytest.raises(StoreError, match="encrypted with another key"):
        opener()


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe\x00", b"c2hvcnQ=\n"])
def test_a_damaged_key_file_is_named_with_what_to_do(opener, tmp_path, content):
    save(opener(), "z", a_token())
    file = tmp_path / "state/key"
    file.write_bytes(content)
    with pytest.raises(AutologinError) as caught:
        opener()
    assert str(file) in caught.value.message
    assert "back" in caught.value.message


@pytest.mark.parametrize(
    "key", ["", "secret-canary", "ä" * 43 + "=", KEYS[0].get_secret_value()[:-4]]
)
def test_a_configured_key_that_is_none_is_a_config_error_that_does_not_hold_it(opener, key):
    with pytest.raises(ConfigError, match=r"state\.keys\.1: is not a key") as caught:
        opener([KEYS[0], SecretStr(key)])
    assert "openssl rand" in caught.value.message
    assert not key or key not in caught.value.message


def test_a_rotated_key_opens_what_the_old_one_sealed(opener):
    first = opener(KEYS[:1])
    save(first, "z", a_token())
    rotated = opener([KEYS[1], KEYS[0]])
    assert rotated.tokens.get("z").token == a_token()
    assert rotated.fingerprint("pw") == first.fingerprint("pw")


def test_after_a_run_with_both_the_old_key_can_go(opener):
    first = opener(KEYS[:1])
    save(first, "z", a_token())
    mark_verified(first, "z")
    first.attempts.save_manual_login("z", "nonce-canary", None)
    name = first.fingerprint("pw")
    opener([KEYS[1], KEYS[0]])
    alone = opener(KEYS[1:2])
    assert alone.tokens.get("z").token == a_token()
    assert alone.tokens.get("z").verified_at == MORNING
    assert alone.attempts.manual_login("z").nonce == "nonce-canary"
    assert alone.fingerprint("pw") == name
    with pytest.raises(StoreError, match="encrypted with another key"):
        opener(KEYS[:1])


# Fingerprints


def test_a_fingerprint_names_exactly_these_parts(kept):
    parts = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a",), ("a", 'b"'), ("a,b",)]
    names = [kept.fingerprint(*part) for part in parts]
    assert len(set(names)) == len(parts)
    assert names == [kept.fingerprint(*part) for part in parts]


def test_a_fingerprint_is_the_same_tomorrow_and_another_elsewhere(opener, tmp_path):
    assert opener().fingerprint("1234") == opener().fingerprint("1234")
    assert opener().fingerprint("1234") != opener(folder=tmp_path / "other").fingerprint("1234")
