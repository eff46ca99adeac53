"""Where a mapping from a stream puts what its function could not take."""

import jsii
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs


@jsii.implements(lambda_.IEventSourceDlq)
class FailureDestination:
    """A queue as failure destination. CDK's own class grants with wildcards what is granted already."""

    def __init__(self, queue: sqs.Queue) -> None:
        self._queue = queue

    def bind(
        self, _target: lambda_.IEventSourceMapping, _target_handler: lambda_.IFunction
    ) -> lambda_.DlqDestinationConfig:
        """Name the queue."""
        return lambda_.DlqDestinationConfig(destination=self._queue.queue_arn)
