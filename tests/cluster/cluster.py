"""The installation of docker-compose.yml at work on this machine, as plain processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from examples.children import children, members
from pipelines.database import Database
from pipelines.database.embedded import embedded_server
from tests.cluster.compose import Container, Installation, Service, free_port
from tests.smtp_server import Inbox, serving

# Machines may be slow; whoever waits looks several times a second.
PATIENCE_SECONDS = 240.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition comes to, once it is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.3)
    return found


@dataclass
class Cluster:
    """What runs.

    Attributes:
        containers: by name.
        processes: those of them that are processes of ours.
        inbox: what the mail catcher caught.
    """

    inbox: Inbox
    containers: dict[str, Container] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def of(self, service: str) -> list[Container]:
        """The containers of a service."""
        return [container for container in self.containers.values() if container.service.name == service]

    def start(self, container: Container, stack: ExitStack) -> None:
        """Run what the container runs, until the stack is left."""
        self.containers[container.name] = container
        if container.command:
            begun = children({container.log: container.command}, env=container.environment)
            (self.processes[container.name],) = stack.enter_context(begun).values()

    def wait(self, container: Container, *, healthy: bool) -> None:
        """Wait until it is what others wait for: at its end, or well."""
        if container.service.runs_once:
            assert self.processes.pop(container.name).wait() == 0, container.printed()
        elif healthy:
            until(lambda: self.complaint(container) == "", f"{container.name} is well")

    def complaint(self, container: Container) -> str:
        """What the health check of a container says that must be running."""
        if container.name in self.processes:
            assert self.processes[container.name].poll() is None, container.printed()
        return container.complaint()

    def kill(self, name: str) -> None:
        """End a container as a power cut does: its process and all that it started, at once."""
        for pid in members({self.processes[name].pid}):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def kill_all(self) -> None:
        """Nothing of it is worth a clean end."""
        for name in list(self.processes):
            self.kill(name)


@contextmanager
def running(folder: Path, dotenv: Mapping[str, str]) -> Iterator[Cluster]:
    """Start everything in the order of the file, and have it run while the block runs.

    PostgreSQL is the embedded server, which needs no command, and the mail catcher a server of this process.

    Args:
        folder: below it every container has a folder of its own.
        dotenv: what the operator wrote into `.env`; the password of PostgreSQL is the embedded server's.
    """
    inbox = Inbox()
    with ExitStack() as stack:
        mail = stack.enter_context(serving(inbox))
        server = Database(stack.enter_context(embedded_server(folder / "server")))
        address = urlsplit(server.catalog_url)
        installation = Installation({**dotenv, "POSTGRES_PASSWORD": str(address.password)})
        initialise(server, installation)
        ports = {port: free_port() for port in installation.ports} | {"5432": int(address.port or 0), "1025": mail}
        cluster = Cluster(inbox)
        try:
            for batch in installation.batches():
                started = [container for service in batch for container in placed(service, folder, ports)]
                for container in started:
                    cluster.start(container, stack)
                for container in started:
                    cluster.wait(container, healthy=container.service.name in installation.awaited)
            yield cluster
        finally:
            cluster.kill_all()


def initialise(server: Database, installation: Installation) -> None:
    """What the image of PostgreSQL does at its first start."""
    postgres = installation.services["postgres"]
    assert urlsplit(server.catalog_url).username == postgres.environment["POSTGRES_USER"]
    server.ensure_database(postgres.environment["POSTGRES_DB"])
    with server.connect(autocommit=True) as conn:
        for script in installation.file["configs"].values():
            conn.execute(script["content"])


def placed(service: Service, folder: Path, ports: Mapping[str, int]) -> Iterator[Container]:
    """The containers of a service. Each of several listens at the same port, which on one machine only one can."""
    for number in range(service.replicas):
        name = f"{service.name}-{number + 1}" if service.replicas > 1 else service.name
        own = {port: free_port() for port in service.facts.get("expose", ()) if number}
        (folder / name / "data").mkdir(parents=True)
        yield Container(name, service, folder / name, {**ports, **own})
