"""Reference data on AWS."""

from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import TransactionCancelledError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.prompt_store import PromptPublisher
from silent_infinity.adapters.aws.registry_items import audit_item, variant_item
from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.variant_records import VariantRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef
    from mypy_boto3_s3 import S3Client

_ABSENT = "attribute_not_exists(pk)"


class AwsSeedStore:
    """A `SeedStore` over the tables of variants, audit log and prompts, and the bucket of prompts."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        *,
        variants_table: str,
        audit_table: str,
        prompts_table: str,
        prompts_bucket: str,
    ) -> None:
        self._dynamodb = dynamodb
        self._variants = variants_table
        self._audit = audit_table
        self._publisher = PromptPublisher(dynamodb, s3, table=prompts_table, bucket=prompts_bucket)

    def put_variant_if_absent(self, record: VariantRecord, entry: AuditEntry) -> bool:
        puts: list[TransactWriteItemTypeDef] = [
            {"Put": {"TableName": table, "Item": item, "ConditionExpression": _ABSENT}}
            for table, item in ((self._variants, variant_item(record)), (self._audit, audit_item(entry)))
        ]
        try:
            patiently(lambda: call(self._dynamodb.transact_write_items, TransactItems=puts))
        except TransactionCancelledError:
            return False
        return True

    def publish_prompt(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        return self._publisher.publish(template_id, version, text, published_at)
