"""Reference data on AWS."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.prompt_store import PromptPublisher

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


class AwsSeedStore:
    """A `SeedStore` over the tables of variants and prompts, and the bucket of prompts."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        *,
        variants_table: str,
        prompts_table: str,
        prompts_bucket: str,
    ) -> None:
        self._dynamodb = dynamodb
        self._variants = variants_table
        self._publisher = PromptPublisher(dynamodb, s3, table=prompts_table, bucket=prompts_bucket)

    def put_variant_if_absent(self, row: Mapping[str, Any]) -> bool:
        keys = {"pk": f"VARIANT#{row['category']}", "sk": row["variant_id"]}
        try:
            call(
                self._dynamodb.put_item,
                TableName=self._variants,
                Item=to_item({**row, **keys}),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ConditionFailedError:
            return False
        return True

    def publish_prompt(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        return self._publisher.publish(template_id, version, text, published_at)
