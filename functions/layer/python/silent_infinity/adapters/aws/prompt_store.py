"""Published prompts: the text in a versioned bucket, its SHA-256 in a table.

Writing and reading live together because they must agree on where a prompt lies.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import ConditionFailedError, call, mapped_errors
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.prompts import PromptNotFoundError, PromptSource
from silent_infinity.ports.seeding import PromptChangedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


def object_key(template_id: str, version: int) -> str:
    """Return the key of a prompt in the bucket."""
    return f"prompts/{template_id}/v{version}.md"


def sha256(text: str) -> str:
    """Return the SHA-256 of a prompt's text as UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def published_checksums(dynamodb: "DynamoDBClient", table: str) -> Mapping[tuple[str, int], str]:
    """Return the SHA-256 of every published prompt by template id and version.

    Raises:
        StoreUnavailableError: the table could not be read.
    """
    entries = (from_item(item) for item in items_of(dynamodb.scan, TableName=table, ConsistentRead=True))
    return {(entry["template_id"], entry["version"]): entry.get("sha256", "") for entry in entries}


class StoredPrompts:
    """A `PromptSource`: the copy that is bundled with the code, else the published one.

    Versions are immutable, so the bundled copy of a version is as good as the published one and costs
    nothing. The store is asked for versions that were published after this code was deployed, and only then
    are its clients made.
    """

    def __init__(
        self,
        dynamodb: "Callable[[], DynamoDBClient]",
        s3: "Callable[[], S3Client]",
        *,
        table: str,
        bucket: str,
        bundled: PromptSource,
    ) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._table = table
        self._bucket = bucket
        self._bundled = bundled
        self._fetched: dict[tuple[str, int], str] = {}

    def text(self, template_id: str, version: int) -> str:
        try:
            return self._bundled.text(template_id, version)
        except PromptNotFoundError:
            pass
        key = template_id, version
        if key not in self._fetched:
            try:
                self._fetched[key] = self._fetch(template_id, version)
            except StoreUnavailableError as error:
                raise PromptNotFoundError(f"{template_id} version {version}: {error}") from None
        return self._fetched[key]

    def _fetch(self, template_id: str, version: int) -> str:
        found = call(
            self._dynamodb().get_item,
            TableName=self._table,
            Key=to_item({"template_id": template_id, "version": version}),
        )
        if "Item" not in found:
            raise PromptNotFoundError(f"{template_id} version {version}")
        entry = from_item(found["Item"])
        if not {"s3_key", "sha256"} <= entry.keys():
            raise PromptNotFoundError(f"{template_id} version {version}: incomplete entry")
        with mapped_errors():
            content = self._s3().get_object(Bucket=self._bucket, Key=entry["s3_key"])["Body"].read()
        # The bytes are what is hashed: whatever they are, nothing is read of them before they are right.
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise PromptNotFoundError(f"{template_id} version {version}: checksum mismatch")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise PromptNotFoundError(f"{template_id} version {version}: no text") from None


class PromptPublisher:
    """Publishes prompts. Used by the seeding of a deployment."""

    def __init__(self, dynamodb: "DynamoDBClient", s3: "S3Client", *, table: str, bucket: str) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._table = table
        self._bucket = bucket

    def publish(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        """Publish a version; see `SeedStore.publish_prompt`."""
        published = self._checksum(template_id, version)
        if published is None:
            # The bucket first: an entry in the table promises that the text is there.
            call(
                self._s3.put_object,
                Bucket=self._bucket,
                Key=object_key(template_id, version),
                Body=text.encode(),
                ContentType="text/markdown; charset=utf-8",
            )
            if self._enter(template_id, version, text, published_at):
                return True
            published = self._checksum(template_id, version)
        if published != sha256(text):
            raise PromptChangedError(f"{template_id} version {version}")
        return False

    def _checksum(self, template_id: str, version: int) -> str | None:
        found = call(
            self._dynamodb.get_item,
            TableName=self._table,
            Key=to_item({"template_id": template_id, "version": version}),
            ConsistentRead=True,
        )
        return str(from_item(found["Item"])["sha256"]) if "Item" in found else None

    def _enter(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        entry = {
            "template_id": template_id,
            "version": version,
            "sha256": sha256(text),
            "s3_key": object_key(template_id, version),
            "published_at": published_at,
        }
        try:
            call(
                self._dynamodb.put_item,
                TableName=self._table,
                Item=to_item(entry),
                ConditionExpression="attribute_not_exists(template_id)",
            )
        except ConditionFailedError:
            return False
        return True
