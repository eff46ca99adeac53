"""Anchors of the audit log as objects of a bucket with Object Lock."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from silent_infinity.adapters.aws.calls import mapped_errors
from silent_infinity.domain.audit import Heads
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "anchors/"
_FORMAT: Final = 1
_AT_ONCE: Final = 10
"""As many as the client has connections."""


class S3AuditAnchors:
    """An `AuditAnchors` over a bucket of its own: an object for each time, in a folder for each day.

    Object Lock protects versions, not names: under the name of an anchor another version can be written, and
    a marker can hide it. So the first version of each name is read, whatever came after it.
    """

    def __init__(self, s3: "Callable[[], S3Client]", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, heads: Heads) -> None:
        body = {"format": _FORMAT, "at": heads.at, "heads": dict(sorted(heads.heads.items()))}
        with mapped_errors():
            try:
                self._s3().put_object(
                    Bucket=self._bucket,
                    Key=_name(heads.at),
                    Body=json.dumps(body, indent=1).encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in (
                    "PreconditionFailed",
                    "ConditionalRequestConflict",
                ):
                    raise

    def all(self) -> Sequence[Heads]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._read, *zip(*self._first_versions(), strict=True)))
        return tuple(sorted(found, key=lambda heads: heads.at))

    def _first_versions(self) -> list[tuple[str, str]]:
        """Return names and ids of the first versions."""
        first: dict[str, tuple[Any, str]] = {}
        with mapped_errors():
            pages = self._s3().get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._bucket, Prefix=PREFIX):
                for version in page.get("Versions", ()):
                    # Versions of a name come newest first; of one moment, the later listed is the older.
                    known = first.get(version["Key"])
                    if known is None or version["LastModified"] <= known[0]:
                        first[version["Key"]] = version["LastModified"], version["VersionId"]
        return [(name, version_id) for name, (_, version_id) in sorted(first.items())]

    def _read(self, name: str, version_id: str) -> Heads:
        with mapped_errors():
            found = self._s3().get_object(Bucket=self._bucket, Key=name, VersionId=version_id)
            text = found["Body"].read()
        try:
            body = json.loads(text)
            return Heads(body["at"], {key: (count, head) for key, (count, head) in body["heads"].items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StoreUnavailableError("AnchorNotReadable") from None


def _name(at: str) -> str:
    """Return the name of an anchor: `anchors/YYYY/MM/DD/` and its time without colons."""
    day, _, time = at.removesuffix("+00:00").partition("T")
    return f"{PREFIX}{day.replace('-', '/')}/{time.replace(':', '')}Z.json"
