"""Fixtures: a real S3 server, started once for the session and stopped whatever happens, and settings that use it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.settings import Settings

BUCKET = "feeds"
KEY_ID, SECRET = "catalog", "catalog-secret"
STARTS_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class S3Server:
    """Where the server listens; the credentials are in the environment."""

    endpoint_url: str


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS in one process on loopback. A missing program fails the tests, it does not skip them."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert program is not None, "weed is missing: install requirements-dev.in"
    folder = tmp_path_factory.mktemp("s3")
    config = folder / "s3.json"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    names = [
        *("s3.port", "s3.port.grpc", "s3.port.iceberg", "s3.port.lance", "master.port", "master.port.grpc"),
        *("volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "metricsPort"),
    ]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    (folder / "data").mkdir()
    command = [
        *(program, "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-s3.config={config}", f"-filer.localSocket={folder / 'filer.sock'}", f"-bucket={BUCKET}"),
        *("-admin.ui=false", "-webdav=false", "-master.telemetry=false"),
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    with (folder / "server.log").open("wb") as server_log:
        process = subprocess.Popen(
            command,
            stdout=server_log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"GOMEMLIMIT": "300MiB", "HOME": str(folder), "PATH": os.environ["PATH"]},
        )
        try:
            server = S3Server(f"http://127.0.0.1:{ports['s3.port']}")
            _wait(server, process, folder / "server.log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: S3Server, process: subprocess.Popen[bytes], server_log: Path) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5),
    )
    give_up = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        try:
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"")
            client.delete_object(Bucket=BUCKET, Key="ready")
        except (BotoCoreError, ClientError):
            late = time.monotonic() > give_up
            assert process.poll() is None, server_log.read_text(errors="replace")[-3000:]
            assert not late, server_log.read_text(errors="replace")[-3000:]
            time.sleep(0.1)
        else:
            client.close()
            return


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The usual AWS variables, and nothing of the machine's own configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
def s3_settings(s3_server: S3Server, aws: None, tmp_path: Path) -> Settings:
    """Settings of a store in its own prefix of the test bucket."""
    return Settings(
        home=str(tmp_path / "home"),
        objects_url=f"s3://{BUCKET}/{tmp_path.name}",
        s3_endpoint_url=s3_server.endpoint_url,
    )
