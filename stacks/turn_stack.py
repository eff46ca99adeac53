"""The turn: its functions, its workflow, and the queue of turns that could not be recorded."""

import hashlib

from aws_cdk import CfnOutput, CustomResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks import templates
from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.closed_queue import closed_queue
from stacks.constructs.function_settings import Setting
from stacks.constructs.gradual_deployment import GradualDeployment
from stacks.constructs.model_access import COMPOSER, ModelAccess
from stacks.constructs.operations import FIVE_MINUTES, ONE_MINUTE, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import METRICS_NAMESPACE, SinglePurposeFunction
from stacks.constructs.store_access import (
    USE_KEY,
    allow_consuming,
    allow_items,
    allow_objects,
    allow_secret,
)
from stacks.constructs.workflow import ExpressWorkflow
from stacks.data_stack import USER_INDEX, DataStack
from stacks.environment import EnvironmentConfig
from stacks.paths import DATA, PROMPTS
from stacks.safety_texts import safety_texts

_REDRIVE_TIMEOUT = Duration.seconds(30)
# AWS recommends six times the consumer's time-out, so that a message is not seen twice while it is worked on.
_REDRIVE_VISIBILITY = Duration.seconds(180)


class TurnStack(Stack):
    """Everything between the API and the tables."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig, data: DataStack
    ) -> None:
        """Declare the turn of `environment` over the stores of `data`."""
        super().__init__(scope, construct_id, description="Silent Infinity: the turn workflow")
        self._environment = environment
        self._data = data
        self._layer = PythonLayer(self, "Layer", environment=environment)
        self.operations = OperationsTopic(self, "Operations", environment=environment)

        self._models = ModelAccess(self, "Models", environment=environment)

        capture = self._capture()
        screen = self._screen()
        intent = self._intent()
        generate = self._generate()
        validate = self._validate()
        record = self._recorder("Feedback", "feedback", "Records a turn exactly once", Duration.seconds(5))
        redrive = self._recorder(
            "TurnRedrive",
            "turn_redrive",
            "Records the turns that could not be recorded when they happened",
            _REDRIVE_TIMEOUT,
            answers_people=False,
        )
        self.dead_letters = closed_queue(
            self, "UnrecordedTurnsDeadLetters", key=data.key, retention=Duration.days(14)
        )
        acknowledge(
            self.dead_letters,
            Serverless_SQSRedrivePolicy="The dead-letter queue itself is the end of the line, with an alarm.",
        )
        self.unrecorded_turns = self._unrecorded_turns(redrive)
        self._seed()

        self.workflow = ExpressWorkflow(
            self,
            "Turn",
            definition=templates.turn_definition(),
            functions={
                "CaptureFunctionArn": capture,
                "CrisisScreenFunctionArn": screen,
                "IntentFunctionArn": intent,
                "GenerateFunctionArn": generate,
                "ValidateFunctionArn": validate,
                "FeedbackFunctionArn": record,
            },
            substitutions={
                "IdempotencyTableName": data.idempotency.table_name,
                "UnrecordedTurnsQueueUrl": self.unrecorded_turns.queue_url,
                **templates.turn_substitutions(safety_texts()),
            },
            environment=environment,
        )
        self._allow_workflow()
        if environment.gradual_deployment:
            GradualDeployment(
                self,
                "Deployment",
                functions=[capture, screen, intent, generate, validate, record, redrive],
                topic=self.operations.topic,
            )
        self._declare_alarms()
        CfnOutput(self, "TurnStateMachineArn", value=self.workflow.state_machine.state_machine_arn)
        CfnOutput(self, "UnrecordedTurnsQueueUrl", value=self.unrecorded_turns.queue_url)
        CfnOutput(self, "UnrecordedTurnsDeadLetterQueueUrl", value=self.dead_letters.queue_url)
        CfnOutput(self, "OperationsTopicArn", value=self.operations.topic.topic_arn)

    def _function(
        self,
        construct_id: str,
        name: str,
        description: str,
        *,
        seconds: int,
        settings: dict[Setting, str] | None = None,
        answers_people: bool = True,
        memory_mb: int | None = None,
    ) -> SinglePurposeFunction:
        """Declare a function that ends after `seconds`: one more than its Task in the workflow waits."""
        return SinglePurposeFunction(
            self,
            construct_id,
            name=name,
            description=description,
            environment=self._environment,
            layer=self._layer,
            timeout=Duration.seconds(seconds),
            settings=settings,
            answers_people=answers_people,
            memory_mb=memory_mb,
        )

    def _capture(self) -> SinglePurposeFunction:
        data, environment = self._data, self._environment
        capture = self._function(
            "Capture",
            "capture",
            "Captures a message before anything else can fail",
            seconds=6,
            settings={
                Setting.CONVERSATIONS_TABLE: data.conversations.table_name,
                Setting.IDEMPOTENCY_TABLE: data.idempotency.table_name,
                Setting.LIMITS_TABLE: data.limits.table_name,
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.USER_SALT_SECRET_ARN: data.user_salt.secret_arn,
                Setting.VARIANT_CACHE_TTL_SECONDS: str(environment.variant_cache_ttl_seconds),
                Setting.RATE_LIMIT_PER_MINUTE: str(environment.rate_limit_per_minute),
                Setting.RATE_LIMIT_BURST: str(environment.rate_limit_burst),
                Setting.DAILY_TOKEN_BUDGET: str(environment.daily_token_budget),
                Setting.TURN_RETENTION_DAYS: str(environment.turn_retention_days),
            },
        )
        allow_items(
            capture, data.conversations, "GetItem", "Query", "PutItem", "UpdateItem", queries=[USER_INDEX]
        )
        allow_items(capture, data.idempotency, "GetItem", "PutItem", "UpdateItem", "DeleteItem")
        allow_items(capture, data.limits, "GetItem", "UpdateItem")
        # Some hundred small items, read as a whole once in a while.
        allow_items(capture, data.variants, "Scan")
        allow_secret(capture, data.user_salt, data.key)
        return capture

    def _screen(self) -> SinglePurposeFunction:
        environment = self._environment
        band = environment.screen_band_low
        screen = self._function(
            "CrisisScreen",
            "crisis_screen",
            "Screens a message for crisis",
            seconds=5,
            memory_mb=environment.screen_memory_mb,
            settings={
                **self._models.settings(self._data.limits),
                **({Setting.SCREEN_BAND_LOW: band} if band else {}),
                # The encoder has one processor. Threads that wait for each other by spinning made it twenty
                # times slower where others worked beside it.
                Setting.OPENBLAS_NUM_THREADS: "1",
            },
        )
        # No prompt store: the screen's prompt comes with the layer, so that nothing has to be fetched first.
        # The cost of its calls is counted beside them; no verdict waits for a counter, or depends on one.
        self._models.allow(screen, self._data.limits, actions=("UpdateItem",))
        return screen

    def _intent(self) -> SinglePurposeFunction:
        reads_again = self._environment.comprehend_sentiment
        intent = self._function(
            "Intent",
            "intent",
            "Finds out what kind of turn a message asks for",
            seconds=5,
            settings={Setting.COMPREHEND_SENTIMENT: "on"} if reads_again else {},
        )
        if reads_again:
            # Neither operation has a resource that a policy could name.
            intent.allow(("comprehend:DetectEntities", "comprehend:DetectSentiment"), "*")
            acknowledge_finding(
                intent.role,
                "AwsSolutions-IAM5[Resource::*]",
                "Comprehend's DetectSentiment and DetectEntities take no resource. They read what is sent.",
            )
        return intent

    def _generate(self) -> SinglePurposeFunction:
        data = self._data
        generate = self._function(
            "Generate",
            "generate",
            "Writes a draft of the reply, by a model or without one",
            seconds=10,
            settings={
                Setting.PROMPTS_TABLE: data.prompts.table_name,
                Setting.PROMPTS_BUCKET: data.prompts_bucket.bucket_name,
                **self._models.settings(data.limits),
            },
        )
        allow_items(generate, data.prompts, "GetItem")
        allow_objects(generate, data.prompts_bucket)
        self._models.allow(generate, data.limits)
        return generate

    def _validate(self) -> SinglePurposeFunction:
        environment = self._environment
        guardrail = environment.bedrock_guardrail_id
        validate = self._function(
            "Validate",
            "validate",
            "Lets no draft reach a person unread",
            seconds=3,
            settings={
                **({Setting.COMPREHEND_PII: "on"} if environment.comprehend_pii else {}),
                **(
                    {
                        Setting.BEDROCK_GUARDRAIL_ID: guardrail,
                        Setting.BEDROCK_GUARDRAIL_VERSION: environment.bedrock_guardrail_version,
                    }
                    if guardrail
                    else {}
                ),
            },
        )
        if environment.comprehend_pii:
            # DetectPiiEntities has no resource that a policy could name.
            validate.allow(("comprehend:DetectPiiEntities",), "*")
            acknowledge_finding(
                validate.role,
                "AwsSolutions-IAM5[Resource::*]",
                "comprehend:DetectPiiEntities takes no resource. It reads nothing but what it is sent.",
            )
        if guardrail:
            arn = self.format_arn(service="bedrock", resource="guardrail", resource_name=guardrail)
            validate.allow(("bedrock:ApplyGuardrail",), arn)
        return validate

    def _recorder(
        self,
        construct_id: str,
        name: str,
        description: str,
        timeout: Duration,
        *,
        answers_people: bool = True,
    ) -> SinglePurposeFunction:
        """Declare one of the two functions that write what a turn leaves behind: at once, or late."""
        data, environment = self._data, self._environment
        recorder = self._function(
            construct_id,
            name,
            description,
            seconds=int(timeout.to_seconds()),
            answers_people=answers_people,
            settings={
                Setting.CONVERSATIONS_TABLE: data.conversations.table_name,
                Setting.TURN_EVENTS_TABLE: data.turn_events.table_name,
                Setting.IDEMPOTENCY_TABLE: data.idempotency.table_name,
                Setting.LIMITS_TABLE: data.limits.table_name,
                Setting.USER_SALT_SECRET_ARN: data.user_salt.secret_arn,
                Setting.TURN_RETENTION_DAYS: str(environment.turn_retention_days),
            },
        )
        allow_items(recorder, data.conversations, "GetItem", "Query", "PutItem", "UpdateItem")
        # Turn events are immutable: whoever writes them may neither change nor delete one.
        allow_items(recorder, data.turn_events, "PutItem")
        allow_items(recorder, data.idempotency, "GetItem", "PutItem", "UpdateItem")
        allow_items(recorder, data.limits, "GetItem", "UpdateItem")
        allow_secret(recorder, data.user_salt, data.key)
        return recorder

    def _unrecorded_turns(self, redrive: SinglePurposeFunction) -> sqs.Queue:
        queue = closed_queue(
            self,
            "UnrecordedTurns",
            key=self._data.key,
            retention=Duration.days(4),
            visibility=_REDRIVE_VISIBILITY,
            dead_letters=sqs.DeadLetterQueue(max_receive_count=10, queue=self.dead_letters),
        )
        allow_consuming(redrive, queue)
        mapping = lambda_.EventSourceMapping(
            self,
            "UnrecordedTurnsToRedrive",
            target=redrive.alias,
            event_source_arn=queue.queue_arn,
            batch_size=1,
            # Stores that just came back are not to be met by everything that waited for them.
            max_concurrency=2,
        )
        acknowledge(
            mapping,
            Serverless_LambdaEventSourceMappingDestination=(
                "A mapping from SQS takes no failure destination: the queue's own redrive policy moves a "
                "message that keeps failing to the dead letters, which raise an alarm."
            ),
        )
        return queue

    def _seed(self) -> None:
        data = self._data
        seed = self._function(
            "Seed",
            "seed",
            "Puts the initial variants and the prompts of this version where the turn finds them",
            seconds=60,
            answers_people=False,
            settings={
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.AUDIT_LOG_TABLE: data.audit_log.table_name,
                Setting.PROMPTS_TABLE: data.prompts.table_name,
                Setting.PROMPTS_BUCKET: data.prompts_bucket.bucket_name,
            },
        )
        # A variant and its audit entry are put together, each only if it is absent: nothing is read for it.
        allow_items(seed, data.variants, "PutItem")
        allow_items(seed, data.audit_log, "PutItem")
        allow_items(seed, data.prompts, "GetItem", "PutItem")
        allow_objects(seed, data.prompts_bucket, writes=True)
        CustomResource(
            self,
            "SeedOfThisVersion",
            resource_type="Custom::SilentInfinitySeed",
            service_token=seed.alias.function_arn,
            # CloudFormation calls the function again when this changes, and at no other time.
            properties={"ContentHash": _seed_fingerprint()},
            # Without it a function that dies leaves the deployment waiting for an hour.
            service_timeout=Duration.minutes(2),
        )

    def _allow_workflow(self) -> None:
        """Grant what the state machine does itself, without a function."""
        self.workflow.allow(["dynamodb:GetItem"], self._data.idempotency.table_arn)
        self.workflow.allow(["sqs:SendMessage"], self.unrecorded_turns.queue_arn)
        if self._data.key:
            self.workflow.allow(list(USE_KEY), self._data.key.key_arn)

    def _declare_alarms(self) -> None:
        topic = self.operations.topic
        alarm(
            self,
            "DeadLettersWait",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=ONE_MINUTE, statistic="Maximum"
            ),
            description="A turn could not be recorded. See docs/deploy.md, Unrecorded turns.",
            threshold=1,
            topic=topic,
        )
        alarm(
            self,
            "UnrecordedTurnsAge",
            metric=self.unrecorded_turns.metric_approximate_age_of_oldest_message(
                period=ONE_MINUTE, statistic="Maximum"
            ),
            description="A turn has been waiting for 10 minutes to be recorded.",
            threshold=600,
            topic=topic,
        )
        machine = self.workflow.state_machine
        alarm(
            self,
            "TurnsFail",
            metric=machine.metric_failed(period=FIVE_MINUTES, statistic="Sum"),
            description="Turns fail: people get the fixed fallback reply.",
            threshold=1,
            topic=topic,
        )
        alarm(
            self,
            "TurnsTimeOut",
            metric=machine.metric_timed_out(period=FIVE_MINUTES, statistic="Sum"),
            description="Turns hit the ceiling of 28 seconds: people get the fixed fallback reply.",
            threshold=1,
            topic=topic,
        )
        if self._environment.llm_provider != COMPOSER:
            self._declare_gateway_alarms(topic)

    def _declare_gateway_alarms(self, topic: sns.ITopic) -> None:
        alarm(
            self,
            "BreakersOpen",
            metric=self._gateway_metric("BreakerOpened"),
            description="A model keeps failing. See docs/operations.md, Models and money.",
            threshold=1,
            topic=topic,
        )
        alarm(
            self,
            "SpendCapReached",
            metric=self._gateway_metric("SpendCapReached"),
            description="The day's money is spent: models answer in a crisis only. See docs/operations.md, "
            "Models and money.",
            threshold=1,
            topic=topic,
        )

    def _gateway_metric(self, name: str) -> cloudwatch.Metric:
        """Return a metric that the function which writes drafts prints."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"environment": self._environment.name, "service": "generate"},
            period=FIVE_MINUTES,
            statistic="Sum",
        )


def _seed_fingerprint() -> str:
    """Return a hash of the initial variants and of all prompts."""
    digest = hashlib.sha256((DATA / "variants.json").read_bytes())
    for path in sorted(PROMPTS.rglob("*.md")):
        digest.update(f"\0{path.relative_to(PROMPTS)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
