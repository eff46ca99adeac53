"""What the system remembers: tables, prompts and secrets, and the topic of those who approve."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.anchors_bucket import AnchorsBucket
from stacks.constructs.approvers_topic import ApproversTopic
from stacks.environment import EnvironmentConfig

TTL_ATTRIBUTE = "expires_at"
USER_INDEX = "user-index"
SESSION_INDEX = "session-index"
TIME_INDEX = "time-index"
STATUS_INDEX = "status-index"
LOG_INDEX = "log-index"
UNTOLD_INDEX = "untold-index"


class DataStack(Stack):
    """Every store of the turn. It owns nothing that runs."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare the stores of `environment`."""
        super().__init__(scope, construct_id, description="Silent Infinity: tables, prompts and secrets")
        self._environment = environment
        self.key = self._data_key() if environment.customer_managed_keys else None

        self.conversations = self._table("Conversations", "pk", "sk", expires=True)
        # Keys only: listing somebody's sessions needs no second copy of what they wrote.
        _add_index(
            self.conversations, USER_INDEX, "user_id_hash", "updated_at", dynamodb.ProjectionType.KEYS_ONLY
        )
        self.turn_events = self._table("TurnEvents", "turn_id", expires=True, streams=True)
        self.feedback = self._table("Feedback", "feedback_id", expires=True, streams=True)
        _add_index(self.feedback, SESSION_INDEX, "session_id", "created_at")
        _add_index(self.feedback, TIME_INDEX, "feedback_date", "created_at")
        self.prompts = self._table(
            "Prompts", "template_id", "version", sort_type=dynamodb.AttributeType.NUMBER
        )
        self.variants = self._table("Variants", "pk", "sk")
        _add_index(self.variants, STATUS_INDEX, "status", "created_at")
        self.variant_metrics = self._table("VariantMetrics", "pk", "sk")
        self.audit_log = self._table("AuditLog", "pk", "sk")
        # Every entry has the same value in `log`: the index is the log of all variants in the order of time.
        _add_index(self.audit_log, LOG_INDEX, "log", "at")
        self.promotions = self._table("Promotions", "promotion_id", streams=True)
        _add_index(self.promotions, LOG_INDEX, "log", "requested_at")
        # What a promotion is decided on and who decided lie beside each other, as do results of golden sets.
        self.approvals = self._table("Approvals", "pk", "sk", expires=True)
        # Keys only: no token that resumes an execution is copied.
        _add_index(self.approvals, UNTOLD_INDEX, "untold", "opened_at", dynamodb.ProjectionType.KEYS_ONLY)
        self.idempotency = self._table("Idempotency", "claim_key", expires=True)
        self.limits = self._table("Limits", "limit_key", expires=True)

        self.prompts_bucket = self._prompts_bucket()
        self.audit_anchors = AnchorsBucket(self, "AuditAnchors", environment=environment)
        self.user_salt = self._secret(
            "UserSalt",
            "Silent Infinity: salt of the pseudonyms of people",
            never_rotates=(
                "The salt must never change: every pseudonym is made with it, and a rotated salt would part "
                "people from their sessions, their deletion requests and their variants."
            ),
        )
        self.approval_links = self._secret(
            "ApprovalLinks",
            "Silent Infinity: signs the links with which promotions are approved",
            never_rotates=(
                "A new key ends every link that people were sent and have not followed, so it is changed by "
                "hand, when one may have been read by somebody else. A link is good for days, for one "
                "promotion and for one approver, and what it leads to is looked up anew."
            ),
        )
        self.approvers = ApproversTopic(self, "Approvers", environment=environment)
        for name, value in {
            "ConversationsTableName": self.conversations.table_name,
            "TurnEventsTableName": self.turn_events.table_name,
            "FeedbackTableName": self.feedback.table_name,
            "PromptsTableName": self.prompts.table_name,
            "VariantsTableName": self.variants.table_name,
            "VariantMetricsTableName": self.variant_metrics.table_name,
            "AuditLogTableName": self.audit_log.table_name,
            "PromotionsTableName": self.promotions.table_name,
            "ApprovalsTableName": self.approvals.table_name,
            "ApproversTopicArn": self.approvers.topic.topic_arn,
            "ApprovalLinkSecretArn": self.approval_links.secret_arn,
            "IdempotencyTableName": self.idempotency.table_name,
            "LimitsTableName": self.limits.table_name,
            "PromptsBucketName": self.prompts_bucket.bucket_name,
            "AuditAnchorsBucketName": self.audit_anchors.bucket.bucket_name,
        }.items():
            CfnOutput(self, name, value=value)

    def _data_key(self) -> kms.Key:
        return kms.Key(
            self,
            "DataKey",
            description="Silent Infinity: data at rest",
            enable_key_rotation=True,
            removal_policy=self._environment.removal_policy,
        )

    def _table(
        self,
        construct_id: str,
        partition_key: str,
        sort_key: str | None = None,
        *,
        sort_type: dynamodb.AttributeType = dynamodb.AttributeType.STRING,
        expires: bool = False,
        streams: bool = False,
    ) -> dynamodb.Table:
        encryption = (
            dynamodb.TableEncryption.CUSTOMER_MANAGED if self.key else dynamodb.TableEncryption.AWS_MANAGED
        )
        return dynamodb.Table(
            self,
            construct_id,
            partition_key=dynamodb.Attribute(name=partition_key, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=sort_key, type=sort_type) if sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=encryption,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=TTL_ATTRIBUTE if expires else None,
            stream=dynamodb.StreamViewType.NEW_IMAGE if streams else None,
            deletion_protection=self._environment.retain_data,
            removal_policy=self._environment.removal_policy,
        )

    def _prompts_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "PromptsBucket",
            versioned=True,
            encryption=s3.BucketEncryption.KMS if self.key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self.key,
            # One data key for the bucket instead of a call to KMS for each prompt that is read.
            bucket_key_enabled=self.key is not None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            removal_policy=self._environment.removal_policy,
        )
        acknowledge(
            bucket,
            AwsSolutions_S1=(
                "The bucket holds prompts only: no personal data, one role that writes and one that reads, "
                "each version kept. A log of its reads would answer no question and need a bucket of its "
                "own."
            ),
        )
        return bucket

    def _secret(self, construct_id: str, description: str, *, never_rotates: str) -> secretsmanager.Secret:
        """Declare a random text of 64 characters; `never_rotates` says why nothing changes it by itself."""
        secret = secretsmanager.Secret(
            self,
            construct_id,
            description=description,
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=self._environment.removal_policy,
        )
        acknowledge(secret, AwsSolutions_SMG4=never_rotates)
        return secret


def _add_index(
    table: dynamodb.Table,
    name: str,
    partition_key: str,
    sort_key: str,
    projection: dynamodb.ProjectionType = dynamodb.ProjectionType.ALL,
) -> None:
    table.add_global_secondary_index(
        index_name=name,
        partition_key=dynamodb.Attribute(name=partition_key, type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name=sort_key, type=dynamodb.AttributeType.STRING),
        projection_type=projection,
    )
