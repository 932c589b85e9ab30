"""What Docker, Compose, Kubernetes and systemd are told: their own tools take it, it fits the program, and it fits together."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from support import seccomp

from autologin import errors
from autologin.cli.commands import healthcheck
from autologin.cli.main import cli
from autologin.config import overrides
from autologin.config.schema import BrowserSettings, Settings
from autologin.flow import registry
from autologin.login import browser
from autologin.service import service
from autologin.web import app

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"
SECCOMP = DEPLOY / "seccomp.json"
DOCKERS = ROOT / ".tools/docker-seccomp.json"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PROGRAM = "/opt/autologin/bin/autologin"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["autologin"]
EVERYTHING = [
    ROOT / "Dockerfile",
    ROOT / "compose.yaml",
    ROOT / "docs/deploy.md",
    *MANIFESTS,
    *UNITS,
]
PORT = int(Settings.model_fields["http"].default.listen.rpartition(":")[2])
STOP = Settings.model_fields["stop_timeout"].default
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ACCOUNT = {"accounts": {"zerodha": {"broker": "zerodha", "credentials": {}}}}
LATER_DENIED = {"io_uring_enter", "io_uring_register", "io_uring_setup"}
"""Docker itself took these away from its later profiles."""
BY_ARGUMENT = {"clone", "personality", "socket"}


# Their own tools


def detail(*command):
    done = subprocess.run(
        [*map(str, command)], check=False, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def hadolint(file):
    return detail(BIN / "hadolint", "--no-color", file)


def compose_schema(file):
    return detail(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)


def kubernetes(file):
    return detail(BIN / "kubernetes-validate", "--strict", file)


def systemd(file, folder):
    """The unit, in a folder with the others, for a program that is there."""
    for unit in UNITS:
        text = (file if unit.name == file.name else unit).read_text()
        (folder / unit.name).write_text(text.replace(PROGRAM, "/bin/true"))
    return detail("systemd-analyze", "verify", "--man=no", folder / file.name)


def test_hadolint_has_nothing_against_the_dockerfile():
    assert hadolint(ROOT / "Dockerfile") == (0, "")


def test_compose_is_as_the_specification_has_it():
    code, text = compose_schema(ROOT / "compose.yaml")
    assert code == 0, text


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_kubernetes_would_take_the_manifest(file):
    code, text = kubernetes(file)
    assert code == 0, text


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_against_the_unit(tmp_path, unit):
    assert systemd(unit, tmp_path) == (0, "")


def test_each_tool_would_tell_a_mistake(tmp_path):
    def spoilt(file, old, new):
        text = file.read_text()
        assert old in text
        (tmp_path / "spoilt").mkdir(exist_ok=True)
        (tmp_path / "spoilt" / file.name).write_text(text.replace(old, new, 1))
        return tmp_path / "spoilt" / file.name

    assert hadolint(spoilt(ROOT / "Dockerfile", "--no-install-recommends ", ""))[0] != 0
    assert compose_schema(spoilt(ROOT / "compose.yaml", "read_only:", "readonly:"))[0] != 0
    assert (
        kubernetes(spoilt(DEPLOY / "kubernetes/deployment.yaml", "runAsNonRoot:", "runAsNoRoot:"))[
            0
        ]
        != 0
    )
    assert systemd(
        spoilt(DEPLOY / "systemd/autologin.service", "ProtectHome=yes", "ProtectHome=si"), tmp_path
    )[1]


# The seccomp profile


def allowed(profile):
    """What a container without capabilities may call on this architecture, whatever the arguments."""
    found = {name: action for name, action, _ in seccomp.rules(profile)}
    number = seccomp.library().seccomp_syscall_resolve_name
    return {
        name
        for name, action in found.items()
        if action == seccomp.ALLOW and number(name.encode()) >= 0
    }


def test_our_profile_allows_what_dockers_allows_and_what_the_sandbox_needs():
    ours, dockers = (allowed(json.loads(file.read_text())) for file in (SECCOMP, DOCKERS))
    assert len(dockers) > 250
    assert dockers - ours == LATER_DENIED
    assert {"unshare", "chroot"} <= ours - dockers
    new_since_then = {
        "cachestat",
        "fchmodat2",
        "map_shadow_stack",
        "name_to_handle_at",
        "pkey_alloc",
        "pkey_free",
    }
    new_since_then |= {
        "futex_wait",
        "futex_wake",
        "futex_requeue",
        "pkey_mprotect",
        "process_vm_readv",
        "process_vm_writev",
    }
    assert ours - dockers - {"unshare", "chroot"} <= new_since_then


def test_our_profile_denies_by_default_and_names_each_call_once():
    profile = json.loads(SECCOMP.read_text())
    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert [one["architecture"] for one in profile["archMap"]] == [
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_AARCH64",
    ]
    names = [
        name for rule in profile["syscalls"] for name in rule["names"] if name not in BY_ARGUMENT
    ]
    assert len(names) == len(set(names))
    assert not {
        "mount",
        "umount2",
        "setns",
        "bpf",
        "keyctl",
        "init_module",
        "kexec_load",
        "reboot",
    } & set(names)


@pytest.fixture
def jailed():
    """Run a command as an ordinary user under a profile."""

    def run(profile, *command):
        helper = ROOT / "tests/support/seccomp.py"
        environ = {"PATH": os.environ["PATH"], "HOME": "/tmp", "PROFILE": profile.read_text()}
        pipes = {"capture_output": True, "text": True, "timeout": 60, "cwd": "/"}
        return subprocess.run([sys.executable, helper, *command], check=False, env=environ, **pipes)

    return run


@pytest.mark.parametrize(
    ("command", "ours", "dockers"),
    [
        ("true", True, True),
        ("unshare --user true", True, False),
        ("unshare --user --map-root-user --pid --net --fork true", True, False),
        ("unshare --user --mount true", False, False),
        ("unshare --user --uts true", False, False),
    ],
)
def test_the_kernel_takes_our_profile_as_it_is_meant(jailed, command, ours, dockers):
    assert [
        jailed(profile, *command.split()).returncode == 0 for profile in (SECCOMP, DOCKERS)
    ] == [ours, dockers]


def test_chromiums_sandbox_works_under_our_profile_and_not_under_dockers(jailed):
    page = "data:text/html,<p>hello"
    shell = str(browser.find(BrowserSettings(), headless=True))
    words = (shell, "--headless", "--disable-gpu", "--disable-crash-reporter", "--dump-dom", page)
    assert "<p>hello" in jailed(SECCOMP, *words).stdout
    refused = jailed(DOCKERS, *words)
    assert "No usable sandbox" in refused.stderr
    assert refused.returncode != 0


# That they fit the program


def documents():
    return [document for file in MANIFESTS for document in yaml.safe_load_all(file.read_text())]


def pods():
    for document in documents():
        spec = document["spec"]
        if document["kind"] in {"Deployment", "CronJob"}:
            yield spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]


def containers():
    return [container for pod in pods() for container in pod["containers"]]


def unit(file):
    """The settings of a unit: each name with all its values."""
    found = {}
    for line in file.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def instruction(word):
    """What a Dockerfile's instruction in the last stage says."""
    last = DOCKERFILE.split("\nFROM ")[-1].replace("\\\n", " ")
    (found,) = re.findall(rf"(?m)^{word} (.*)$", last)
    return found


def environment_of_the_image():
    return dict(re.findall(r"(\w+)=(\S+)", instruction("ENV")))


def unresolved(names):
    """The names of variables that lead to no key of the config."""
    overlay = overrides.Overlay(Settings, ACCOUNT)
    overlay.apply(overrides.Override(name, name[len(overrides.PREFIX) :], "1") for name in names)
    return [problem.key for problem in overlay.problems]


def test_every_variable_is_a_key_of_the_config():
    found = {
        name for file in EVERYTHING for name in re.findall(r"AUTOLOGIN_\w*[A-Z]", file.read_text())
    }
    assert {
        "AUTOLOGIN_CONFIG",
        "AUTOLOGIN_STATE__PATH",
        "AUTOLOGIN_HTTP__LISTEN",
        "AUTOLOGIN_SECRETS_DIR",
    } <= found
    assert unresolved(found - overrides.RESERVED) == []
    assert unresolved(["AUTOLOGIN_STATE_PATH"]) == ["AUTOLOGIN_STATE_PATH"]


def test_every_secret_is_called_as_a_credential_that_the_flow_has():
    texts = "".join(file.read_text() for file in EVERYTHING)
    names = set(re.findall(r"\b(?:autologin_)?accounts__zerodha__credentials__([a-z_]+)", texts))
    assert (
        {"password", "totp_secret", "api_secret"}
        <= names
        <= set(registry.load("zerodha").credentials_class.model_fields)
    )
    assert set(SERVICE["secrets"]) == set(COMPOSE["secrets"])
    assert unresolved(SERVICE["secrets"]) == []


def test_the_port_is_the_same_everywhere():
    assert f"http://127.0.0.1:{PORT}/livez" == healthcheck.URL
    assert instruction("EXPOSE") == str(PORT)
    assert SERVICE["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert SERVICE["environment"]["AUTOLOGIN_HTTP__LISTEN"] == f"0.0.0.0:{PORT}"
    (serving,) = [one for one in containers() if "serve" in one["args"]]
    assert {"name": "AUTOLOGIN_HTTP__LISTEN", "value": f"0.0.0.0:{PORT}"} in serving["env"]
    assert serving["ports"] == [{"name": "http", "containerPort": PORT}]
    assert [one["spec"]["ports"][0]["port"] for one in documents() if one["kind"] == "Service"] == [
        PORT
    ]


def test_the_user_is_the_same_everywhere():
    user, group = map(int, instruction("USER").split(":"))
    assert user
    assert f"--uid {user} --gid {group} " in DOCKERFILE
    for pod in pods():
        found = pod["securityContext"]
        assert (
            found["runAsUser"],
            found["runAsGroup"],
            found["fsGroup"],
            found["runAsNonRoot"],
        ) == (user, group, group, True)
    assert f"--user {user}:{group} " in (ROOT / "scripts/build-image").read_text()
    assert re.findall(r"chown -R (\d+) ", (ROOT / "docs/deploy.md").read_text()) == [str(user)]
    accounts = {name: unit(file)[name] for file in SERVICES for name in ("User", "Group")}
    assert accounts == {"User": ["autologin"], "Group": ["autologin"]}


def test_the_folders_are_the_same_everywhere():
    image = environment_of_the_image()
    config, state = Path(image["AUTOLOGIN_CONFIG"]), image["AUTOLOGIN_STATE__PATH"]
    made = set(re.findall(r"install -d .* (/\w+)", DOCKERFILE))
    assert made == {str(config.parent), state, "/tokens"}
    assert json.loads(instruction("VOLUME")) == [state]
    assert {volume.split(":")[1] for volume in SERVICE["volumes"]} == made
    assert [one.split(":")[0] for one in SERVICE["tmpfs"]] == [image["HOME"]] == ["/tmp"]
    for pod in pods():
        (container,) = pod["containers"]
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        assert mounts.keys() == {one["name"] for one in pod["volumes"]}
        assert (mounts["config"], mounts["state"], mounts["tmp"]) == (
            str(config.parent),
            state,
            image["HOME"],
        )
        assert {"name": "AUTOLOGIN_SECRETS_DIR", "value": mounts["secrets"]} in container["env"]
        assert Path(mounts["secrets"]).is_relative_to(overrides.SECRETS_FOLDER)
    claims = {
        one["metadata"]["name"] for one in documents() if one["kind"] == "PersistentVolumeClaim"
    }
    claimed = [
        one["persistentVolumeClaim"]
        for pod in pods()
        for one in pod["volumes"]
        if "persistentVolumeClaim" in one
    ]
    assert claimed == [{"claimName": name} for name in claims for _ in pods()]


def test_nothing_is_killed_before_a_login_has_had_its_time_to_end():
    graces = [
        int(SERVICE["stop_grace_period"].rstrip("s")),
        *(pod["terminationGracePeriodSeconds"] for pod in pods()),
    ]
    graces += [int(unit(file)["TimeoutStopSec"][0]) for file in SERVICES]
    assert min(graces) >= STOP + 10


def test_the_watchdog_waits_for_more_than_two_beats():
    found = unit(DEPLOY / "systemd/autologin.service")
    assert found["Type"] == ["notify"]
    assert int(found["WatchdogSec"][0]) > 2 * service.LOOK


def test_what_needs_a_person_is_not_tried_again():
    final = sorted(
        {errors.ConfigError.exit_code, errors.Rejected.exit_code, errors.NeedsPerson.exit_code}
    )
    once = unit(DEPLOY / "systemd/autologin-run.service")["RestartPreventExitStatus"]
    assert [*map(int, once[0].split())] == final
    (job,) = [one["spec"]["jobTemplate"]["spec"] for one in documents() if one["kind"] == "CronJob"]
    (rule,) = [one for one in job["podFailurePolicy"]["rules"] if one["action"] == "FailJob"]
    assert rule["onExitCodes"] == {"containerName": "autologin", "operator": "In", "values": final}


def test_the_image_is_called_the_same_everywhere():
    assert {one["image"] for one in containers()} | {SERVICE["image"]} == {f"autologin:{VERSION}"}


def test_probes_ask_what_is_answered():
    routes = {route.path for route in app.app(None).routes}
    probes = {
        name: value["httpGet"]["path"]
        for one in containers()
        for name, value in one.items()
        if name.endswith("Probe")
    }
    assert probes == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert set(probes.values()) <= routes


def commands():
    yield json.loads(instruction("CMD"))
    assert json.loads(instruction("ENTRYPOINT")) == ["tini", "--", "autologin"]
    check = re.search(r"CMD (\[.*\])", instruction("HEALTHCHECK"))[1]
    program, *words = json.loads(check)
    assert program == "autologin"
    yield words
    yield from (container["args"] for container in containers())
    for file in SERVICES:
        program, *words = shlex.split(unit(file)["ExecStart"][0])
        assert program == PROGRAM
        yield words


def test_every_command_is_one_that_autologin_has():
    for words in commands():
        with click.Context(cli) as context:
            name, command, rest = cli.resolve_command(context, list(words))
            command.make_context(name, rest, parent=context)  # raises where it has no such option


# That they are as strict as they can be


def test_containers_have_nothing_that_they_do_not_need():
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == [
        "no-new-privileges:true",
        f"seccomp:{SECCOMP.relative_to(ROOT)}",
    ]
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    for container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert not any(pod["automountServiceAccountToken"] for pod in pods())


def test_both_services_are_shut_in_alike():
    of_their_own = {
        "Description",
        "Type",
        "NotifyAccess",
        "WatchdogSec",
        "ExecStart",
        "ExecReload",
        "WantedBy",
    }
    of_their_own |= {
        "StartLimitIntervalSec",
        "StartLimitBurst",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
    }
    of_their_own |= {"TimeoutStartSec"}
    alike = [
        {name: value for name, value in unit(file).items() if name not in of_their_own}
        for file in SERVICES
    ]
    assert alike[0] == alike[1]
    assert alike[0]["NoNewPrivileges"] == ["yes"]
    assert set(alike[0]["RestrictNamespaces"][0].split()) == {"user", "pid", "net"}


def test_nothing_but_the_programs_source_gets_near_the_image():
    kept = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert [line for line in lines if line and line[0] not in "#!"] == ["*", "**/__pycache__"]
    copied = [
        word
        for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", DOCKERFILE)
        for word in line.split()[:-1]
    ]
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in kept)
    assert not any(
        fnmatch.fnmatch(name, pattern)
        for name in kept
        for pattern in ("*.yaml", "*secret*", "tests*")
    )
