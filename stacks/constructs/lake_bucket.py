"""The bucket of the lake: turns as tables, results of statements, reports."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.store_access import READ_WITH_KEY, USE_KEY
from stacks.environment import EnvironmentConfig

BRONZE = "bronze/"
BRONZE_ERRORS = "bronze-errors/"
RESULTS = "results/"
REPORTS = "reports/"
REGISTRY = "registry/"
SILVER = "silver/"
GOLD = "gold/"
REFINED = (SILVER, "units/", GOLD)
"""What the rollup makes: silver, the sums of units, and gold."""
RESULT_DAYS = 7
"""How long what a statement answered is kept: any of them can be run again."""
ERROR_DAYS = 90
"""How long records stay that Firehose could not convert: time to find out why, and to deliver them again."""
_UPLOAD_DAYS = 7


class LakeBucket(Construct):
    """The bucket. It holds identifiers, numbers and pseudonyms; nobody's words enter the lake.

    No versions: partitions are replaced by pointing to new objects, so that nothing is ever written over.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig, key: kms.Key | None
    ) -> None:
        """Declare the bucket of `environment`, encrypted with `key` where there is one."""
        super().__init__(scope, construct_id)
        self.key = key
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # One data key for the bucket instead of a call to KMS for each of thousands of objects.
            bucket_key_enabled=key is not None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            lifecycle_rules=_lifecycle(environment),
            removal_policy=environment.removal_policy,
        )
        acknowledge(
            self.bucket,
            AwsSolutions_S1=(
                "Only roles of this stack may read it, and Athena keeps every statement with who started it: "
                "a log of the reads would say the same object by object, for as much data again."
            ),
        )

    def allow(self, grantee: iam.IGrantable, actions: Sequence[str], *prefixes: str) -> None:
        """Let `grantee` do `actions` on the objects below each of `prefixes`, and use the key for that."""
        arns = [self.bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
        _add(grantee, actions, arns)
        if self.key and set(actions) != {"s3:DeleteObject"}:
            reads = set(actions) <= {"s3:GetObject"}
            _add(grantee, READ_WITH_KEY if reads else USE_KEY, [self.key.key_arn])
        role = _role_of(grantee)
        name = self._name_in(Stack.of(role))
        for prefix in prefixes:
            acknowledge_finding(
                role,
                f"AwsSolutions-IAM5[Resource::{name}/{prefix}*]",
                "Objects of the lake are named by day, run and number, which nobody knows beforehand. The "
                "prefix holds nothing else.",
            )

    def _name_in(self, stack: Stack) -> str:
        """Return what a finding calls the bucket in a stack: its own, or one that knows it by its export."""
        own = Stack.of(self)
        if stack is own:
            return f"<{own.get_logical_id(self.bucket.node.default_child)}.Arn>"  # type: ignore[arg-type] # a CfnBucket
        name: str = own.resolve(own.export_value(self.bucket.bucket_arn))["Fn::ImportValue"]
        return name

    def allow_listing(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` list the bucket.

        Without that, an object that is not there looks like one that is forbidden. It looks so too under a
        condition on the prefix, which only requests for a list have: names of objects are what it costs.
        """
        _add(grantee, ["s3:ListBucket"], [self.bucket.bucket_arn])

    def allow_locating(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` ask for the bucket's region, as Athena and Firehose do before they use it."""
        _add(grantee, ["s3:GetBucketLocation"], [self.bucket.bucket_arn])

    def allow_following_uploads(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` see which uploads in parts are under way: large objects are written so."""
        _add(grantee, ["s3:ListBucketMultipartUploads"], [self.bucket.bucket_arn])


def _add(grantee: iam.IGrantable, actions: Sequence[str], resources: Sequence[str]) -> None:
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources))
    )


def _role_of(grantee: iam.IGrantable) -> IConstruct:
    role = grantee.grant_principal
    if not isinstance(role, Construct):
        raise TypeError("only roles of this application are let into the lake")
    return role


def _lifecycle(environment: EnvironmentConfig) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(prefix=RESULTS, expiration=Duration.days(RESULT_DAYS)),
        s3.LifecycleRule(prefix=BRONZE_ERRORS, expiration=Duration.days(ERROR_DAYS)),
        s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS)),
    ]
    if environment.lake_retention_days:
        rules.append(
            s3.LifecycleRule(prefix=BRONZE, expiration=Duration.days(environment.lake_retention_days))
        )
    return rules
