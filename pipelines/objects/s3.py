"""The object store in S3, or in any server that speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipelines.errors import CatalogFeedsError, NetworkError, OperatorError
from pipelines.objects.spool import Spool
from pipelines.objects.store import (
    SHARED_DAYS,
    ObjectConflictError,
    ObjectNotFoundError,
    ObjectStore,
    Versioned,
    check_folder,
    check_key,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from s3transfer.manager import TransferManager

_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_ATTEMPTS = 4
# What a transfer keeps in memory: parts in flight going up, blocks waiting for the disk coming down.
_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 4
_BLOCK_BYTES = 256 << 10
_BLOCKS_WAITING = 32

_MISSING = {"NoSuchKey", "404", "NotFound"}
_CONFLICT = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_BUSY = {"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "Throttling"}
_ADVICE = {
    "NoSuchBucket": "create the bucket or correct CATALOG_FEEDS_OBJECTS_URL",
    "404": "create the bucket or correct CATALOG_FEEDS_OBJECTS_URL",
    "AccessDenied": "give these credentials the right to read, write, list and delete there",
    "InvalidAccessKeyId": "check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "renew the AWS credentials: AWS_SESSION_TOKEN has run out",
    "403": "check the AWS credentials and the rights they have there",
    "PermanentRedirect": "check AWS_REGION: the bucket lives in another one",
}
_ADVICE_OTHERWISE = "check CATALOG_FEEDS_OBJECTS_URL and the AWS_* variables"


class S3Store(ObjectStore):
    """Objects below `s3://bucket/prefix`. Credentials and region come from the usual AWS variables.

    Reading and writing go through a file in the spool: uploads end whole or not at all, downloads are resumed by the
    library when a connection breaks, and readers may seek. An upload that was killed leaves parts that no one sees; a
    lifecycle rule of the bucket clears them.
    """

    def __init__(self, *, bucket: str, prefix: str, endpoint_url: str | None, spool: Path) -> None:
        check_folder(prefix)
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._spool = Spool(spool)

    @cached_property
    def _client(self) -> S3Client:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        if self._endpoint_url:
            # Servers other than Amazon's often have neither a DNS name per bucket nor the newer checksums.
            config = config.merge(
                Config(
                    s3={"addressing_style": "path"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                )
            )
        try:
            client: S3Client = boto3.Session().client("s3", endpoint_url=self._endpoint_url, config=config)
        except (BotoCoreError, ValueError) as error:
            msg = f"cannot use {self._where()}: {error}"
            raise OperatorError(msg) from error
        return client

    def _transfers(self) -> TransferManager:
        from s3transfer.manager import TransferConfig, TransferManager

        config = TransferConfig(
            multipart_threshold=_PART_BYTES,
            multipart_chunksize=_PART_BYTES,
            max_request_concurrency=_PARTS_AT_ONCE,
            io_chunksize=_BLOCK_BYTES,
            max_io_queue_size=_BLOCKS_WAITING,
        )
        return TransferManager(self._client, config)

    def _where(self) -> str:
        return f"s3://{self._bucket}" + (f" at {self._endpoint_url}" if self._endpoint_url else "")

    def _name(self, key: str) -> str:
        check_key(key)
        return self._prefix + key

    @contextmanager
    def _faults(self, key: str | None = None) -> Iterator[None]:
        """Translate the library's errors into ours by who must act."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectionError,  # noqa: A004 - the library's own, not Python's
            HTTPClientError,
            IncompleteReadError,
        )
        from s3transfer.exceptions import RetriesExceededError

        try:
            yield
        except ClientError as error:
            raise self._client_fault(error, key) from error
        except (ConnectionError, HTTPClientError, IncompleteReadError, RetriesExceededError) as error:
            msg = f"{self._where()} did not answer, or broke off: {error}"
            raise NetworkError(msg) from error
        except BotoCoreError as error:  # no credentials, no region, a bad bucket name
            msg = f"cannot use {self._where()}: {error}; {_ADVICE_OTHERWISE}"
            raise OperatorError(msg) from error

    def _client_fault(self, error: ClientError, key: str | None) -> CatalogFeedsError:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if key is not None and code in _MISSING:
            self._require_bucket()
            return ObjectNotFoundError(key, self.url(key))
        if key is not None and code in _CONFLICT:
            return ObjectConflictError(key, self.url(key))
        if code in _BUSY or status >= 500:
            return NetworkError(f"{self._where()} is not able to serve now: {error}")
        return OperatorError(f"{self._where()} refused: {error}; {_ADVICE.get(code, _ADVICE_OTHERWISE)}")

    def _require_bucket(self) -> None:
        """A HEAD has no body to say what is missing, the object or its whole bucket, so ask."""
        with self._faults():
            self._client.head_bucket(Bucket=self._bucket)

    def _place(self, file: BinaryIO, path: Path, key: str) -> None:  # noqa: ARG002 - a folder needs the open file
        with self._faults(key), self._transfers() as transfers:
            transfers.upload(str(path), self._bucket, self._name(key)).result()

    def put_bytes_if(self, key: str, data: bytes, match: str | None) -> str:
        name = self._name(key)
        try:
            with self._faults(key):
                if match is None:
                    answer = self._client.put_object(Bucket=self._bucket, Key=name, Body=data, IfNoneMatch="*")
                else:
                    answer = self._client.put_object(Bucket=self._bucket, Key=name, Body=data, IfMatch=match)
        except ObjectNotFoundError as error:  # If-Match on an object that vanished
            raise ObjectConflictError(key, self.url(key)) from error
        return answer["ETag"]

    def open(self, key: str) -> BinaryIO:
        with self._spool.file() as (file, path):
            self._download(key, file)
            return path.open("rb")  # the name goes with the block, the content stays until the caller closes it

    def _download(self, key: str, file: BinaryIO) -> None:
        name = self._name(key)
        with self._faults(key), self._transfers() as transfers:
            transfers.download(self._bucket, name, file).result()
        file.flush()

    def get_versioned(self, key: str) -> Versioned:
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        tries = 0
        with self._faults(key):
            while True:
                tries += 1
                answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
                try:
                    # Not as a context manager: that is the connection itself, whose errors are not the library's.
                    with closing(answer["Body"]) as body:
                        return Versioned(body.read(), answer["ETag"])
                except (HTTPClientError, IncompleteReadError):
                    # The library asks again when a request fails, but not when an answer breaks off.
                    if tries >= _ATTEMPTS:
                        raise

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except ObjectNotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        name = self._name(key)
        with self._faults(key):
            return self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]

    def list(self, folder: str = "") -> Iterator[str]:
        check_folder(folder)
        prefix = self._prefix + (f"{folder}/" if folder else "")
        with self._faults():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            names = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        # Amazon's order is that of the text; other servers list their folders as they keep them.
        yield from sorted(name.removeprefix(self._prefix) for name in names)

    def delete(self, key: str) -> None:
        with self._faults(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with self._spool.file() as (file, path):
            self._download(key, file)
            yield path

    def url(self, key: str = "") -> str:
        return f"s3://{self._bucket}/{self._name(key) if key else self._prefix}"

    def shared_url(self, key: str) -> str:
        with self._faults(key):
            url: str = self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": self._name(key)},
                ExpiresIn=SHARED_DAYS * 24 * 3600,
            )
        return url
