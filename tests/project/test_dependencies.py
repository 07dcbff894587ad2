"""What we build upon: known by name and version, fitting together, under licences that let us ship it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageMetadata, distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

# One of these is enough where a package offers several. Copyleft of the file or the library is fine: we link, and
# change nothing in it.
FREE = re.compile(
    r"Apache|BSD|MIT|\bISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|Lesser|Zlib|Unlicense|Artistic",
    re.IGNORECASE,
)
# Packages whose metadata says nothing, and what their LICENSE says.
UNSAID = {"atheris": "Apache-2.0"}


def licence(metadata: PackageMetadata) -> str:
    """What a package says of its licence: the expression, else the classifiers, else the field."""
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    return str(
        metadata.get("License-Expression")
        or "; ".join(classifiers)
        or metadata.get("License")
        or UNSAID.get(metadata["Name"], "")
    )


@pytest.fixture(scope="module")
def installed() -> dict[str, PackageMetadata]:
    """Every installed package but our own, by normalised name."""
    found = {canonicalize_name(d.metadata["Name"]): d.metadata for d in distributions()}
    del found["catalog-feeds"]
    return found


@pytest.fixture(scope="module")
def bill(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The bill of materials as `make sbom` writes it."""
    recipe = re.search(r"^\t\$\(BIN\)/(cyclonedx-py environment .+)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    out = tmp_path_factory.mktemp("sbom") / "sbom.json"
    command = recipe[1].replace("build/sbom.json", str(out)).split()
    assert command[-1] == ".venv"
    command[-1] = sys.executable
    subprocess.run([Path(sys.executable).with_name(command[0]), *command[1:]], cwd=root, check=True)
    return json.loads(out.read_text())


def test_every_package_has_a_licence_that_lets_us_ship_it(installed: dict[str, PackageMetadata]) -> None:
    assert len(installed) > 100
    assert {name: licence(m) for name, m in installed.items() if not FREE.search(licence(m))} == {}


@pytest.mark.parametrize("text", ["GPL-3.0-only", "AGPL-3.0", "License :: Other/Proprietary License", ""])
def test_a_licence_that_does_not_would_be_noticed(text: str) -> None:
    assert not FREE.search(text)


def test_the_bill_of_materials_is_complete(bill: dict[str, Any], installed: dict[str, PackageMetadata]) -> None:
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "catalog-feeds"
    listed = {canonicalize_name(component["name"]): component for component in bill["components"]}
    assert set(installed) <= set(listed)
    for name, metadata in installed.items():
        assert listed[name]["version"] == metadata["Version"], name
        assert re.fullmatch(r"pkg:pypi/(.+)@(.+)", listed[name]["purl"]), name
    # A few packages word their licence so freely that no list knows it; the test above has read them.
    assert sum("licenses" not in component for component in listed.values()) < 5
    assert sum(bool(each.get("dependsOn")) for each in bill["dependencies"]) > 50


def test_what_is_installed_fits_together(root: Path) -> None:
    """The part of `make lint` that needs no code."""
    assert "\n\t$(BIN)/uv pip check\n" in (root / "Makefile").read_text()
    check = [Path(sys.executable).with_name("uv"), "pip", "check", "--python", sys.executable]
    subprocess.run(check, check=True, capture_output=True)
