"""The files that build the project agree with each other: locks, versions, Makefile."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

SUPPORTED = ("3.11", "3.12", "3.13")


def required(root: Path, name: str) -> dict[str, Requirement]:
    """Requirements of an `.in` file and of those it includes, by normalised name."""
    requirements: dict[str, Requirement] = {}
    for raw in (root / name).read_text().splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("-r "):
            requirements |= required(root, line.removeprefix("-r "))
        elif line:
            requirement = Requirement(line)
            requirements[canonicalize_name(requirement.name)] = requirement
    return requirements


def pins(root: Path, name: str) -> dict[str, list[tuple[str, int]]]:
    """What a lock pins: normalised name -> (version, number of hashes); several where markers tell them apart."""
    pinned: dict[str, list[tuple[str, int]]] = {}
    for block in re.split(r"\n(?=\S)", (root / name).read_text()):
        head = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", block)
        assert head, f"{name} holds something else than a pin: {block[:80]}"
        pinned.setdefault(canonicalize_name(head[1]), []).append((head[2], block.count("--hash=sha256:")))
    return pinned


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("requirements.in", "requirements.lock"),
        ("requirements-dev.in", "requirements.lock"),
        ("requirements-bootstrap.in", "requirements-bootstrap.lock"),
    ],
)
def test_every_requirement_is_pinned_with_hashes(root: Path, source: str, lock: str) -> None:
    pinned = pins(root, lock)
    requirements = required(root, source)
    assert requirements
    for name, requirement in requirements.items():
        assert name in pinned, f"{name} of {source} is not in {lock}: run make lock"
        assert all(requirement.specifier.contains(version) for version, _ in pinned[name]), name
    assert [name for name, entries in pinned.items() if any(hashes == 0 for _, hashes in entries)] == []


def test_what_is_installed_is_what_is_locked(root: Path) -> None:
    pinned = pins(root, "requirements.lock")
    for name in required(root, "requirements-dev.in"):
        assert version(name) in {locked for locked, _ in pinned[name]}, f"{name}: run make install"


def test_versions_of_the_project_agree(root: Path, pyproject: dict[str, Any]) -> None:
    assert version("catalog-feeds") == pyproject["project"]["version"]
    changelog = (root / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    assert "## [Unreleased]" in changelog
    assert not released or released[0] == pyproject["project"]["version"]


def test_versions_of_python_agree(root: Path, pyproject: dict[str, Any]) -> None:
    allowed = SpecifierSet(pyproject["project"]["requires-python"])
    assert [minor for minor in (f"3.{n}" for n in range(8, 20)) if allowed.contains(minor)] == list(SUPPORTED)
    oldest, newest = SUPPORTED[0], SUPPORTED[-1]
    assert pyproject["tool"]["mypy"]["python_version"] == oldest
    assert pyproject["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert f"--python-version {oldest} " in (root / "Makefile").read_text()
    bootstrap = (root / "scripts" / "bootstrap").read_text()
    assert "({}) <= sys.version_info[:2] <= ({})".format(*(v.replace(".", ", ") for v in (oldest, newest))) in bootstrap
    assert " ".join(f"python{minor}" for minor in reversed(SUPPORTED)) in bootstrap


def test_every_target_is_in_the_help(root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    assert set(targets) == set(phony[1].split())
    shown = subprocess.run(["make", "help"], cwd=root, check=True, capture_output=True, text=True).stdout
    listed = [line.split()[1] for line in shown.splitlines()]
    assert listed == sorted(targets)
    assert subprocess.run(["make"], cwd=root, check=True, capture_output=True, text=True).stdout == shown


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_what_people_are_told_exists(root: Path, page: str) -> None:
    text = (root / page).read_text()
    targets = re.findall(r"^([a-z][a-z-]*):(?!=)", (root / "Makefile").read_text(), re.MULTILINE)
    told = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert told
    assert told <= set(targets)
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if ":" not in link]
    paths = re.findall(r"`((?:\.ci|benchmarks|dags|docs|examples|pipelines|scripts|tests)/[\w./-]*)", text)
    assert [name for name in [*links, *paths] if not (root / name).exists()] == []
    programs = [root.joinpath(*name.split(".")) for name in re.findall(r"python -m ([\w.]+)", text)]
    assert [p for p in programs if not p.with_suffix(".py").exists() and not (p / "__main__.py").exists()] == []


@pytest.mark.parametrize("script", ["scripts/bootstrap", ".ci/run"])
def test_scripts_are_sound_shell_and_executable(root: Path, script: str) -> None:
    assert (root / script).stat().st_mode & 0o111
    assert "\nset -euo pipefail\n" in (root / script).read_text()
    subprocess.run(["bash", "-n", script], cwd=root, check=True)


def test_ci_runs_the_tests(root: Path) -> None:
    assert (root / ".ci" / "run").read_text().rstrip().endswith("exec make test")


def test_bootstrap_refuses_an_unusable_python(root: Path, tmp_path: Path) -> None:
    """A shim that is on PATH but answers for nothing, as pyenv leaves them, is not taken for a Python."""
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    run = subprocess.run(
        [root / "scripts" / "bootstrap"], env={"PYTHON": str(shim), "PATH": "/usr/bin:/bin"},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.startswith(f"bootstrap: PYTHON={shim} is not a complete Python")
