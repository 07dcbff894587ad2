"""Dockerfile, docker-compose.yml and .env.example name things that exist."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from dataclasses import Field, fields
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from pipelines.settings import PREFIX, Settings

SETTINGS: dict[str, Field[Any]] = {PREFIX + field.name.upper(): field for field in fields(Settings)}
AIRFLOW_SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")


@pytest.fixture(scope="module")
def compose_text(root: Path) -> str:
    return (root / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose(compose_text: str) -> dict[str, Any]:
    value = yaml.safe_load(compose_text)
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    return (root / "Dockerfile").read_text().replace("\\\n", " ")


@pytest.fixture(scope="module")
def env_example(root: Path) -> dict[str, tuple[str, str]]:
    """Variable -> (its value, the comment above it), commented out or not."""
    blocks = re.findall(r"^# (.+)\n(?:# )?([A-Z][A-Z0-9_]*)=(.*)$", (root / ".env.example").read_text(), re.MULTILINE)
    return {name: (value, comment) for comment, name, value in blocks}


def variables(compose_text: str) -> dict[str, str]:
    """Variables that compose takes from .env, each with the way it is asked for: `:?` required, `:-` with a default."""
    code = re.sub(r"^\s*#.*$", "", compose_text, flags=re.MULTILINE)
    return dict(re.findall(r"\$\{([A-Z0-9_]+)(:[?-])?", code))


def test_env_example_explains_every_setting_in_its_own_words(env_example: dict[str, tuple[str, str]]) -> None:
    assert {name for name in env_example if name.startswith(PREFIX)} == set(SETTINGS)
    for name, field in SETTINGS.items():
        assert env_example[name][1].startswith(field.metadata["help"]), name


def test_env_example_holds_no_secret(root: Path, env_example: dict[str, tuple[str, str]]) -> None:
    active = re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", (root / ".env.example").read_text(), re.MULTILINE)
    assert active
    assert all(value == "" for _, value in active)
    assert {name for name, _ in active} <= set(env_example)


def test_compose_asks_for_what_env_example_explains(compose_text: str, env_example: dict[str, tuple[str, str]]) -> None:
    asked = variables(compose_text)
    assert set(asked) <= set(env_example)
    secrets = {name for name in asked if re.search(r"PASSWORD|SECRET|KEY", name)}
    assert len(secrets) == 7
    assert {name: asked[name] for name in secrets} == dict.fromkeys(secrets, ":?")


def test_variables_of_compose_are_no_unknown_settings(compose_text: str) -> None:
    """The services read the same .env, and settings refuse a CATALOG_FEEDS_ name that they do not know."""
    assert {name for name in variables(compose_text) if name.startswith(PREFIX)} <= set(SETTINGS)


def test_services_get_settings_and_options_that_exist(compose: dict[str, Any], dockerfile: str) -> None:
    options = yaml.safe_load(
        Path(str(distribution("apache-airflow-core").locate_file("airflow/config_templates/config.yml"))).read_text()
    )
    celery = distribution("apache-airflow-providers-celery")
    told = runpy.run_path(str(celery.locate_file("airflow/providers/celery/get_provider_info.py")))
    options |= told["get_provider_info"]()["config"]
    names = set(re.findall(rf"\b((?:{PREFIX}|AIRFLOW__)[A-Z0-9_]+)=", dockerfile))
    for service in compose["services"].values():
        names |= {name for name in service.get("environment", {}) if name.startswith((PREFIX, "AIRFLOW__"))}
    assert PREFIX + "DATABASE_URL" in names
    assert "AIRFLOW__CORE__EXECUTION_API_SERVER_URL" in names
    assert {name for name in names if name.startswith(PREFIX)} <= set(SETTINGS)
    for name in names - set(SETTINGS):
        _, section, option = name.lower().split("__")
        assert option in options[section]["options"], name


def test_services_are_watched_and_start_in_order(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"postgres", "airflow-migrate", *AIRFLOW_SERVICES} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        if service["restart"] == "unless-stopped":
            assert service["healthcheck"]["test"], name
    assert services["airflow-migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("scheduler", "triggerer", "worker"):
        for needed in ("valkey", "s3", "api-server"):
            assert services[name]["depends_on"][needed] == {"condition": "service_healthy"}, name
    for name in AIRFLOW_SERVICES:
        after = services[name]["depends_on"]
        for step in ("airflow-migrate", "airflow-pools"):
            assert after[step] == {"condition": "service_completed_successfully"}
        assert services[name]["environment"] == services["scheduler"]["environment"]


def test_compose_keeps_to_the_schema_of_the_compose_specification(root: Path, tmp_path: Path) -> None:
    check = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    fine = subprocess.run([*check, root / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert fine.returncode == 0, fine.stdout
    mistyped = tmp_path / "docker-compose.yml"
    mistyped.write_text((root / "docker-compose.yml").read_text().replace("healthcheck:", "healthchek:", 1))
    assert subprocess.run([*check, mistyped], capture_output=True, check=False).returncode == 1


def test_what_airflow_needs_besides_options_is_in_the_image(dockerfile: str) -> None:
    assert "PYTHONPATH=/opt/catalog-feeds " in dockerfile
    assert re.search(r"AIRFLOW__CORE__PLUGINS_FOLDER=/opt/catalog-feeds/dags/plugins$", dockerfile, re.MULTILINE)


def test_state_is_on_volumes_and_ports_on_loopback(compose: dict[str, Any], dockerfile: str) -> None:
    mounted: dict[str, str] = {}
    for service in compose["services"].values():
        mounts = dict(mount.split(":") for mount in service.get("volumes", []))
        # One service, one disk: what two of them shared would have to be on one machine.
        assert not set(mounts) & set(mounted)
        mounted |= mounts
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert {config["source"] for config in service.get("configs", [])} <= set(compose["configs"])
    assert set(mounted) == set(compose["volumes"])
    home = compose["services"]["scheduler"]["environment"][PREFIX + "HOME"]
    assert mounted["state"] == home
    assert f"{PREFIX}HOME={home} " in dockerfile


def test_image_is_built_from_what_exists_by_an_ordinary_user(
    root: Path, dockerfile: str, pyproject: dict[str, Any]
) -> None:
    base = re.search(r"^FROM python:(\d+\.\d+)-", dockerfile, re.MULTILINE)
    assert base
    assert SpecifierSet(pyproject["project"]["requires-python"]).contains(base[1])
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()]
    assert [name for name in copied if not (root / name).exists()] == []
    let_in = re.findall(r"^!(.+)$", (root / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(let_in)
    assert re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE) == ["catalog-feeds"]
