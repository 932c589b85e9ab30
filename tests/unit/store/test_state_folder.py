"""Others can neither read nor change what is in the state folder, or it is refused."""

from __future__ import annotations

import os
import stat

import pytest
from support.clock import HandClock

from autologin.errors import ConfigError
from autologin.store.store import Store


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "state"
    Store.open(place, HandClock()).close()
    (place / "failures").mkdir(mode=0o700)
    return place


def give_away(path, monkeypatch):
    """Let a path be another user's; where only root may do that, let ourselves be another."""
    if os.geteuid() == 0:
        os.lchown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)


def wide(folder):
    return {path.name for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077}


def refused(folder):
    with pytest.raises(ConfigError) as caught:
        Store.open(folder, HandClock())
    (problem,) = caught.value.problems
    assert problem.key == "state.path"
    assert problem.hint
    return problem.message


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o2775, 0o755, 0o705, 0o770, 0o702])
def test_rights_of_others_are_taken_away(folder, mode):
    for path in (*folder.iterdir(), folder):
        path.chmod(mode)
    Store.open(folder, HandClock()).close()
    assert wide(folder) == set()


def test_so_are_those_on_what_a_folder_in_it_holds(folder, tmp_path):
    bundle = folder / "failures" / "run-1"
    bundle.mkdir()
    (bundle / "page.png").touch()
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o777)
    (bundle / "link").symlink_to(outside)
    Store.open(folder, HandClock()).close()
    assert wide(folder) == {"link"}  # which has no rights of its own
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", [".", "key", "autologin.db", "failures"])
def test_what_is_another_users_is_refused(folder, name, monkeypatch):
    give_away(folder / name, monkeypatch)
    assert "is another user's" in refused(folder)


def test_a_link_of_another_user_is_refused_and_an_own_one_is_followed(
    folder, tmp_path, monkeypatch
):
    link = tmp_path / "link"
    link.symlink_to(folder)
    folder.chmod(0o777)
    Store.open(link, HandClock()).close()
    assert wide(folder) == set()
    assert link.is_symlink()
    give_away(link, monkeypatch)
    assert "is another user's" in refused(link)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_place_in_which_everybody_may_replace_it_is_refused(tmp_path, depth):
    place = tmp_path / "a" / "b" / "state"
    place.parent.mkdir(parents=True)
    above = place.parents[depth - 1]
    above.chmod(0o777)
    assert f"everybody may write in {above}" in refused(place)
    above.chmod(0o777 | stat.S_ISVTX)
    Store.open(place, HandClock()).close()


def test_nothing_is_made_where_everybody_may_replace_it(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert f"everybody may write in {shared}" in refused(shared / "later" / "state")
    assert list(shared.iterdir()) == []


def test_the_folders_above_a_new_one_are_nobody_elses(tmp_path):
    former = os.umask(0)
    try:
        Store.open(tmp_path / "a" / "b" / "state", HandClock()).close()
    finally:
        os.umask(former)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b")} == {
        0o700
    }
