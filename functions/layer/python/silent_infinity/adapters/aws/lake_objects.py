"""The objects of the lake's bucket."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from silent_infinity.adapters.aws.calls import mapped_errors
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.lake_objects import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_DELETED: Final = 1000
_THERE_ALREADY: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3LakeObjects:
    """A `LakeObjects` over a bucket. The client is made when it is first used."""

    def __init__(self, s3: "Callable[[], S3Client]", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def below(self, prefix: str) -> Iterator[StoredObject]:
        with mapped_errors():
            for page in (
                self._s3().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            ):
                for entry in page.get("Contents", ()):
                    yield StoredObject(entry["Key"], entry["LastModified"])

    def read(self, name: str) -> str | None:
        client = self._s3()
        with mapped_errors():
            try:
                return client.get_object(Bucket=self._bucket, Key=name)["Body"].read().decode()
            except client.exceptions.NoSuchKey:
                return None

    def put(self, name: str, text: str, content_type: str) -> None:
        with mapped_errors():
            self._s3().put_object(Bucket=self._bucket, Key=name, Body=text.encode(), ContentType=content_type)

    def put_if_absent(self, name: str, text: str) -> str:
        with mapped_errors():
            try:
                self._s3().put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=text.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _THERE_ALREADY:
                    raise
            else:
                return text
        standing = self.read(name)
        if standing is None:
            # Another writer is at it, and has not finished.
            raise StoreUnavailableError("ConditionalRequestConflict")
        return standing

    def remove(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _MOST_DELETED):
            chunk = names[start : start + _MOST_DELETED]
            with mapped_errors():
                answer = self._s3().delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": name} for name in chunk], "Quiet": True}
                )
            # What could not be deleted is no error of the call.
            if answer.get("Errors"):
                raise StoreUnavailableError(str(answer["Errors"][0].get("Code", "unknown")))
