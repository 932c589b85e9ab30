"""The folder that a driver works in: whose it is, and when it is swept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from autologin.login.workplace import Workplace, sweep


@pytest.fixture
def parent(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_by_the_dead(parent, name="autologin-browsers-4194304-abc123"):
    folder = parent / name
    folder.joinpath("playwright_chromiumdev_profile-x", "Default").mkdir(parents=True)
    return folder


def test_it_is_for_its_owner_alone_and_gone_at_the_end(parent):
    place = Workplace.open()
    assert place.path.parent == parent
    assert place.path.stat().st_mode & 0o777 == 0o700
    place.close()
    assert list(parent.iterdir()) == []


def test_the_next_one_removes_what_the_dead_have_left_and_leaves_the_living_alone(parent):
    left_by_the_dead(parent)
    one, other = Workplace.open(), Workplace.open()
    assert {*parent.iterdir()} == {one.path, other.path}
    one.close()
    other.close()


def test_nothing_else_is_ever_swept(parent):
    names = ["autologin-demo-9zo6gov2", "autologin-browsers-mine", "autologin-browsers-1-ABCDEF"]
    kept = {left_by_the_dead(parent, name) for name in names}
    target = parent / "target"
    target.mkdir()
    kept |= {target, parent / "autologin-browsers-1-abcdef"}
    (parent / "autologin-browsers-1-abcdef").symlink_to(target)
    sweep()
    assert {*parent.iterdir()} == kept


@pytest.mark.parametrize(("length", "own"), [(20, True), (60, False)])
def test_a_browsers_socket_fits_into_its_folder(monkeypatch, length, own):
    with tempfile.TemporaryDirectory(prefix="x" * (length - 14)) as parent:
        monkeypatch.setattr(tempfile, "tempdir", parent)
        place = Workplace.open()
        found = place.make_place().environ["TMPDIR"]
        place.close()
    assert found == str(place.path if own else Path(parent))
    assert len(found) + 47 < 108


def test_who_has_no_home_finds_one_there(parent, monkeypatch):
    place = Workplace.open()
    monkeypatch.setenv("HOME", "/home/known")
    assert place.environ({})["HOME"] == "/home/known"
    assert place.environ({"HOME": "/home/mine"})["HOME"] == "/home/mine"
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda text: text)
    assert place.environ({})["HOME"] == str(place.path)
    place.close()
