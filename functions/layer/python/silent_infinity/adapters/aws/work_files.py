"""Files of a piece of work, as objects of a bucket."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import mapped_errors
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_DELETED = 1000


class S3WorkFiles:
    """A `WorkFiles` over a bucket of its own. The client is made when it is first used."""

    def __init__(self, s3: "Callable[[], S3Client]", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, name: str, lines: Iterable[Any]) -> None:
        body = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        with mapped_errors():
            self._s3().put_object(
                Bucket=self._bucket, Key=name, Body=body.encode(), ContentType="application/jsonl"
            )

    def read(self, name: str) -> list[Any] | None:
        client = self._s3()
        with mapped_errors():
            try:
                body = client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
            except client.exceptions.NoSuchKey:
                return None
        # Not splitlines: it also parts a line at characters that JSON leaves as they are.
        return [json.loads(line) for line in body.decode().split("\n") if line]

    def names(self, prefix: str) -> tuple[str, ...]:
        with mapped_errors():
            pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return tuple(sorted(entry["Key"] for page in pages for entry in page.get("Contents", ())))

    def remove(self, prefix: str) -> int:
        names = self.names(prefix)
        for start in range(0, len(names), _MOST_DELETED):
            chunk = names[start : start + _MOST_DELETED]
            with mapped_errors():
                answer = self._s3().delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": name} for name in chunk], "Quiet": True}
                )
            # What could not be deleted is no error of the call.
            if answer.get("Errors"):
                raise StoreUnavailableError(str(answer["Errors"][0].get("Code", "unknown")))
        return len(names)
