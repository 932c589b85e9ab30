"""Runs a command as an ordinary user under a seccomp profile, as a container would: `PROFILE=... python jail.py COMMAND...`."""

from __future__ import annotations

import ctypes
import json
import os
import sys

NOBODY = 65534
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NO_NEW_PRIVILEGES = 3
OPS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


class Comparison(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def library():
    found = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_attr_set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)
    found.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(Comparison),
    )
    found.seccomp_load.argtypes = (ctypes.c_void_p,)
    return found


def holds(rule):
    """Whether a rule is for this machine's architecture and a container that has no capability."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    here = ARCHES[os.uname().machine]
    return (
        not includes.get("caps")
        and here in includes.get("arches", [here])
        and here not in excludes.get("arches", [])
    )


def rules(profile):
    """Each system call of a profile that counts here: its name, its action, its conditions."""
    for rule in filter(holds, profile["syscalls"]):
        action = ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else ERRNO | rule.get("errnoRet", 1)
        for name in rule.get("names") or [rule["name"]]:
            yield name, action, rule.get("args") or []


def load(profile):
    """Put this process under a profile, for good."""
    lib = library()
    default = ERRNO | profile.get("defaultErrnoRet", 1)
    filters = lib.seccomp_init(default)
    assert lib.seccomp_attr_set(filters, NO_NEW_PRIVILEGES, 1) == 0
    for name, action, args in rules(profile):
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number < 0 or action == default:
            continue  # not a call of this architecture
        found = [
            Comparison(
                one["index"],
                OPS[one["op"].removeprefix("SCMP_CMP_")],
                one["value"],
                one.get("valueTwo", 0),
            )
            for one in args
        ]
        assert (
            lib.seccomp_rule_add_array(
                filters, action, number, len(found), (Comparison * len(found))(*found)
            )
            == 0
        ), name
    assert lib.seccomp_load(filters) == 0


if __name__ == "__main__":
    wanted = json.loads(os.environ.pop("PROFILE"))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    load(wanted)
    os.execvp(sys.argv[1], sys.argv[1:])
