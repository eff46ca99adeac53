"""Where the heads of the audit log's chains are kept: a bucket in which nothing can be changed for years."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.environment import EnvironmentConfig

PREFIX = "anchors/"
ANCHOR_YEARS = 3
"""How long nobody at all can delete an anchor where data is kept.

Every anchor speaks for the whole history before it, so that one of them is enough. Three years are longer
than an experiment runs and than most claims about one can be made; longer would only bind the account.
"""
_TRIAL_DAYS = 1
"""Elsewhere: the lock is there to be seen, and a stack can be cleared away on the next day."""


class AnchorsBucket(Construct):
    """The bucket. It holds hashes and counts only, nothing that anybody wrote.

    It is encrypted by S3 and not with the data key: evidence must not depend on a key that somebody who is
    allowed to could have deleted.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare the bucket of `environment`. Where data is kept, its lock binds the root user too."""
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            versioned=True,
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(Duration.days(ANCHOR_YEARS * 365))
                if environment.retain_data
                else s3.ObjectLockRetention.governance(Duration.days(_TRIAL_DAYS))
            ),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            removal_policy=environment.removal_policy,
        )
        acknowledge(
            self.bucket,
            AwsSolutions_S1=(
                "One role writes an object a night, none can delete one, and every version is kept: a log of "
                "its reads would answer no question and need a bucket of its own."
            ),
        )

    def allow_reading(self, function: SinglePurposeFunction) -> None:
        """Let `function` read the first version of every anchor, whatever was written over it."""
        function.allow(["s3:GetObjectVersion"], self.bucket.arn_for_objects(f"{PREFIX}*"))
        function.allow(["s3:ListBucketVersions"], self.bucket.bucket_arn)
        self._acknowledge_names(function)

    def allow_writing(self, function: SinglePurposeFunction) -> None:
        """Let `function` add anchors. It takes the bucket's retention and may set none."""
        function.allow(["s3:PutObject"], self.bucket.arn_for_objects(f"{PREFIX}*"))
        self._acknowledge_names(function)

    def _acknowledge_names(self, function: SinglePurposeFunction) -> None:
        stack = Stack.of(self)
        export = stack.resolve(stack.export_value(self.bucket.bucket_arn))["Fn::ImportValue"]
        acknowledge_finding(
            function,
            f"AwsSolutions-IAM5[Resource::{export}/{PREFIX}*]",
            "Anchors are named by their time, which nobody knows beforehand. The bucket holds nothing else.",
        )
