"""The database's versions, several processes in one folder, and what damage is called."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from support.store import a_token, at_once, block, drop, save

from autologin.errors import ConfigError, StoreError
from autologin.store import database as database_module
from autologin.store.database import MIGRATIONS
from autologin.store.records import Counter

COUNTERS_WERE_TALLIES = 6
"""The last version of the database in which the counters stood in another table."""


# Together


def test_two_stores_of_one_folder_see_each_others_writes(opener):
    one, other = opener(), opener()
    save(one, "z", a_token())
    assert other.tokens.get("z").token == a_token()
    drop(other, "z")
    assert one.tokens.get("z") is None


OPENS = """
store = Store.open(Path(sys.argv[1]), SystemClock())
print(store.fingerprint("x"))
"""


def test_processes_that_open_a_new_folder_at_once_get_one_store(tmp_path):
    with at_once(OPENS, tmp_path / "state", processes=5) as detail:
        names = {name for lines in detail for name in lines}
    assert len(names) == 1
    assert sorted(file.name for file in (tmp_path / "state").iterdir()) == ["autologin.db", "key"]


# The database's version


def version(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def made_by(folder, steps):
    """The database that an autologin with only the first migrations has left."""
    folder.mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(folder / database_module.FILE)) as database:
        database.executescript(";".join(MIGRATIONS[:steps]) + f"; PRAGMA user_version = {steps}")


def schema(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute(
            "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"
        ).fetchall()


def test_a_new_database_is_of_the_newest_version(opener, tmp_path):
    opener()
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS)


@pytest.mark.parametrize("steps", range(1, len(MIGRATIONS) + 1))
def test_a_database_of_each_earlier_version_becomes_the_newest(opener, tmp_path, steps):
    made_by(tmp_path / "state", steps)
    kept = opener()
    save(kept, "z", a_token())
    assert kept.tokens.get("z").token == a_token()
    opener(folder=tmp_path / "new")
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS)
    assert schema(tmp_path / "state" / database_module.FILE) == schema(
        tmp_path / "new" / database_module.FILE
    )


def test_what_was_counted_before_counters_had_their_name_is_kept(opener, tmp_path):
    made_by(tmp_path / "state", COUNTERS_WERE_TALLIES)
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "state" / database_module.FILE)) as database,
        database,
    ):
        database.execute("INSERT INTO tallies VALUES ('run', 'z', '', 'issued', 41)")
    kept = opener()
    kept.history.end_run(
        kept.history.begin_run("z", "zerodha"), "issued", None, seconds=1, stages={}
    )
    assert kept.history.counters("run") == [Counter("z", "", "issued", 42)]


def test_a_migration_leaves_what_was_there(opener, tmp_path, monkeypatch):
    save(opener(), "z", a_token())
    monkeypatch.setattr(
        database_module, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE tokens ADD COLUMN note TEXT;")
    )
    assert opener().tokens.get("z").token == a_token()
    assert version(tmp_path / "state" / database_module.FILE) == len(MIGRATIONS) + 1


def test_a_migration_that_fails_changes_nothing(opener, tmp_path, monkeypatch):
    save(opener(), "z", a_token())
    file = tmp_path / "state" / database_module.FILE
    before = schema(file)
    with monkeypatch.context() as broken:
        broken.setattr(
            database_module,
            "MIGRATIONS",
            (*MIGRATIONS, "DROP TABLE runs; CREATE TABLE tokens (x) STRICT;"),
        )
        with pytest.raises(StoreError):
            opener()
    assert schema(file) == before
    assert version(file) == len(MIGRATIONS)
    assert opener().tokens.get("z").token == a_token()


def test_a_database_of_a_newer_autologin_is_refused_and_left_alone(opener, tmp_path):
    save(opener(), "z", a_token())
    file = tmp_path / "state" / database_module.FILE
    newer = len(MIGRATIONS) + 1
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"PRAGMA user_version = {newer}")
    with pytest.raises(
        StoreError, match=f"of version {newer}, and this autologin knows only {len(MIGRATIONS)}"
    ) as caught:
        opener()
    assert "Install the newer autologin again" in caught.value.hint
    assert version(file) == newer


# Damage


def test_a_file_that_is_no_database_is_named_with_what_to_do(opener, tmp_path):
    opener().close()
    file = tmp_path / "state" / database_module.FILE
    file.write_bytes(b"accounts: {}\n" * 100)
    with pytest.raises(StoreError, match="damaged") as caught:
        opener()
    assert f"Move {database_module.FILE} in the state folder away" in caught.value.hint
    file.unlink()
    assert opener().tokens.get("z") is None


def test_moving_a_damaged_file_away_is_enough_even_beside_its_leftovers(opener, tmp_path):
    kept = opener()
    save(kept, "z", a_token())
    folder = tmp_path / "state"
    left = {name: (folder / name).read_bytes() for name in ("autologin.db-wal", "autologin.db-shm")}
    kept.close()
    (folder / database_module.FILE).unlink()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    fresh = opener()
    assert fresh.tokens.get("z") is None
    save(fresh, "z", a_token("new"))
    assert opener().tokens.get("z").token.access_token.get_secret_value() == "new"


def test_a_damaged_page_is_a_store_error(opener, tmp_path):
    kept = opener()
    for number in range(200):
        save(kept, f"account-{number}", a_token())
    kept.close()
    file = tmp_path / "state" / database_module.FILE
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        opener().tokens.get("account-7")
    assert "Move" in caught.value.hint


def test_a_damaged_seal_is_a_store_error(kept):
    save(kept, "z", a_token())
    kept._database.execute("UPDATE tokens SET sealed = ?", b"\0garbage")
    with pytest.raises(StoreError):
        kept.tokens.get("z")


def test_a_folder_below_a_file_cannot_be_used(opener, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"state\.path: .*/file/state cannot be used") as caught:
        opener(folder=tmp_path / "file/state")
    assert "name another folder" in caught.value.message


def test_a_folder_that_is_a_file_cannot_be_used(opener, tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(ConfigError, match=r"state\.path: .*/state cannot be used"):
        opener()


def test_a_database_that_is_a_folder_cannot_be_used(opener, tmp_path):
    (tmp_path / "state" / database_module.FILE).mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"state\.path: .*/state cannot be used"):
        opener()


@pytest.mark.parametrize(
    "words", ["attempt to write a readonly database", "unable to open database file"]
)
def test_a_database_that_may_not_be_written_is_the_folders_fault(opener, monkeypatch, words):
    def refused(*_words, **_options):
        raise sqlite3.OperationalError(words)

    monkeypatch.setattr(sqlite3, "connect", refused)
    with pytest.raises(
        ConfigError, match=rf"state\.path: .*/state cannot be used: {words}"
    ) as caught:
        opener()
    assert "Let the user that runs autologin write there" in caught.value.message


def test_a_database_that_becomes_read_only_is_a_store_error(kept):
    kept._database.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="readonly") as caught:
        kept.attempts.begin(kept.leases.acquire("z"), "l", ["f"])
    assert "rights of the state folder" in caught.value.hint


def test_a_full_disk_is_told_and_loses_nothing(opener):
    kept = opener()
    save(kept, "z", a_token())
    kept._database.connection.execute("PRAGMA max_page_count = 1")
    big = a_token(extra={"bundle": ["x"] * 30_000})
    with pytest.raises(StoreError, match="full") as caught:
        save(kept, "z", big)
    assert caught.value.hint == "Free some space."
    with pytest.raises(StoreError, match="full"):
        block(kept, "z", message="x" * 100_000)
    assert kept.tokens.get("z").token == a_token()
    kept._database.connection.execute("PRAGMA max_page_count = 1000000")
    save(kept, "z", big)
    assert opener().tokens.get("z").token == big


OUT_OF_SPACE = """
import resource, signal
from autologin.errors import AutologinError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    Store.open(Path(sys.argv[1]), SystemClock()).close()
except AutologinError as error:
    print(type(error).__name__, bool(error.detail), len(error.message) > 40)
"""


@pytest.mark.parametrize(
    ("most", "error"), [(0, "ConfigError"), (100, "StoreError"), (20_000, "StoreError")]
)
def test_no_room_for_a_new_store_is_told_and_leaves_nothing_in_the_way(
    opener, tmp_path, most, error
):
    with at_once(OUT_OF_SPACE, tmp_path / "state", most, processes=1) as detail:
        assert detail == [[f"{error} True True"]]
    kept = opener()
    save(kept, "z", a_token())
    assert kept.tokens.get("z").token == a_token()
    assert sorted(
        path.name for path in (tmp_path / "state").iterdir() if path.name.startswith((".", "key"))
    ) == ["key"]


def test_a_closed_store_says_so_as_a_store_error(opener):
    kept = opener()
    kept.close()
    with pytest.raises(StoreError, match="closed"):
        kept.tokens.get("z")


def test_a_store_that_cannot_be_opened_lets_go_of_its_file(opener, tmp_path):
    opener().close()
    file = tmp_path / "state" / database_module.FILE
    file.write_bytes(b"no database " * 100)
    for _ in range(3):
        with pytest.raises(StoreError):
            opener()
    held = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert str(file) not in held


async def test_a_write_that_waits_for_another_process_gets_through(opener, tmp_path):
    kept = opener()
    with contextlib.closing(
        sqlite3.connect(tmp_path / "state" / database_module.FILE, check_same_thread=False)
    ) as database:
        database.isolation_level = None
        database.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().run_in_executor(None, lambda: database.execute("COMMIT"))
        save(kept, "z", a_token())
    assert kept.tokens.get("z").token == a_token()


@pytest.mark.parametrize("left", [0, 1, 100, 4096, 12288])
def test_a_file_that_was_cut_is_damage_and_no_new_store(opener, tmp_path, left):
    one = opener()
    block(one, "z")
    one.close()
    file = tmp_path / "state" / database_module.FILE
    os.truncate(file, left)
    with pytest.raises(StoreError, match="damaged"):
        opener().attempts.find_block("z", ["f"])
    assert file.stat().st_size == left
