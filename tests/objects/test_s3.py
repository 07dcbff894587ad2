"""What only S3 can do wrong: refused, unknown, unreachable."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors import InternalError, NetworkError, OperatorError
from pipelines.objects import open_store
from pipelines.settings import Settings

pytestmark = pytest.mark.integration


def test_url_is_for_people(s3_settings: Settings) -> None:
    assert open_store(s3_settings).url("raw/a") == f"{s3_settings.objects_url}/raw/a"
    assert open_store(s3_settings).url() == f"{s3_settings.objects_url}/"


def test_stores_in_one_bucket_do_not_meet(s3_settings: Settings) -> None:
    first = open_store(s3_settings)
    second = open_store(replace(s3_settings, objects_url=f"{s3_settings.objects_url}-other"))
    first.put_bytes("a", b"1")
    assert not second.exists("a")
    assert list(second.list()) == []
    second.put_bytes("a", b"2")
    assert first.get_bytes("a") == b"1"


def test_a_bucket_may_be_used_from_its_root(s3_settings: Settings) -> None:
    store = open_store(replace(s3_settings, objects_url="s3://feeds"))
    store.put_bytes("at-root", b"1")
    assert "at-root" in list(store.list())
    store.delete("at-root")


@pytest.mark.parametrize("act", ["get_bytes", "exists", "size", "open", "list"])
def test_an_unknown_bucket_is_the_operators(s3_settings: Settings, act: str) -> None:
    store = open_store(replace(s3_settings, objects_url="s3://no-such-bucket/p"))
    with pytest.raises(OperatorError, match="no-such-bucket"):
        list(store.list("a")) if act == "list" else getattr(store, act)("a")


def test_a_wrong_secret_is_the_operators(s3_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-canary")
    store = open_store(s3_settings)
    for act in (lambda: store.put_bytes("a", b""), lambda: store.get_bytes("a"), lambda: store.exists("a")):
        with pytest.raises(OperatorError, match="check") as caught:
            act()
        assert "wrong-canary" not in str(caught.value)


def test_no_credentials_is_the_operators(s3_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(OperatorError, match="AWS_"):
        open_store(s3_settings).put_bytes("a", b"")


def test_a_bad_endpoint_is_the_operators(s3_settings: Settings) -> None:
    store = open_store(replace(s3_settings, s3_endpoint_url="not a url"))
    with pytest.raises(OperatorError, match="not a url"):
        store.put_bytes("a", b"")


def test_a_bad_prefix_is_refused(s3_settings: Settings) -> None:
    with pytest.raises(InternalError, match="not a key"):
        open_store(replace(s3_settings, objects_url="s3://feeds/a/../b"))


def test_a_server_that_is_away_is_a_network_fault(s3_settings: Settings) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        away = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(NetworkError, match="did not answer"):
            open_store(replace(s3_settings, s3_endpoint_url=away)).exists("a")


def test_nothing_is_left_in_the_spool(s3_settings: Settings, tmp_path: Path) -> None:
    store = open_store(s3_settings)
    store.put_bytes("a", b"1")
    with store.open("a") as file, store.local("a") as path:
        assert file.read() == path.read_bytes()
        assert path.parent == tmp_path / "home" / "spool"
    assert list((tmp_path / "home" / "spool").iterdir()) == []


def test_boto3_is_imported_only_for_s3(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pipelines.objects import open_store\n"
        "from pipelines.settings import Settings\n"
        "open_store(Settings(home=sys.argv[1])).put_bytes('a', b'')\n"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=Path(__file__).parents[2], check=True)
