"""One local stack: start it, deploy to it, ask it for what was deployed, end it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from local.model_server import MODEL_ALIAS
from local.operators.approvers import APPROVES, ApproverSubscriptions
from local.stack import aws, ports, processes
from local.stack.deployment import Deployment, receive_outbox
from local.stack.mails import Mail, follow, received
from local.stack.operators import OperatorPool
from local.stack.services import (
    EMULATOR,
    ENFORCED_IAM,
    MODEL_SERVER,
    SERVICES,
    Service,
    is_ready,
    wait_until_ready,
)
from local.stack.state import RunningService, exclusive, load_state, save_state
from local.stack.users import UserPool, address_of
from local.tools.errors import LocalError
from local.tools.installer import ensure
from local.tools.locations import REPOSITORY, default_home
from local.tools.progress import Progress

if TYPE_CHECKING:
    import boto3

COMPOSER = "composer"
SMALL = "small"
DEMO_USER = "demo"
OPERATOR = "operator"


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """What `status` shows of one service."""

    title: str
    running: bool
    ready: bool
    pid: int | None
    port: int | None
    log: Path


class LocalStack:
    """The emulator with the project's own templates deployed, and the model that answers.

    `home` keeps its ports, processes, logs and emulated state (default: `$SILENT_INFINITY_HOME`, else
    `.local`). `model` is "composer" (no model server), "small" (SmolLM2 as a managed process) or the base URL
    of an OpenAI-compatible server; None means the choice of last time, at first "small". `project` is the
    folder of the CDK application; `context` is added to its context. `enforce_iam` has the emulator refuse
    what the roles of the functions do not allow; it costs a turn some 20 ms.

    Used as a context manager, the stack is up inside and down afterwards.

    Every method raises LocalError when something a person can act on is wrong.
    """

    def __init__(
        self,
        home: Path | None = None,
        model: str | None = None,
        *,
        progress: Progress | None = None,
        project: Path = REPOSITORY,
        context: Mapping[str, str] | None = None,
        enforce_iam: bool = False,
    ) -> None:
        self.home = (home or default_home()).resolve()
        self.progress = progress or Progress()
        self._project = project
        self._context = dict(context or {})
        self._enforce_iam = enforce_iam
        self._state = load_state(self.home)
        if model is not None:
            self._state.model = checked_model(model)

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def model(self) -> str:
        """ "composer", "small" or a base URL."""
        return self._state.model or SMALL

    @property
    def model_base_url(self) -> str:
        """The base URL that the functions get for their model; empty for the composer."""
        if self.model == COMPOSER:
            return ""
        if self.model == SMALL:
            return f"http://{ports.LOOPBACK}:{self._port(MODEL_SERVER)}/v1"
        return self.model

    @property
    def endpoint_url(self) -> str:
        """The emulated AWS API."""
        return f"http://{ports.LOOPBACK}:{self._port(EMULATOR)}"

    @property
    def api_url(self) -> str:
        """The deployed REST API on the emulator; its routes are `<api_url>/v1/turns` and so on."""
        outputs = self.outputs
        path = f"restapis/{outputs['RestApiId']}/{outputs['StageName']}/_user_request_"
        return f"{self.endpoint_url}/{path}"

    @property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the deployed stacks by their short names (as in CloudFormation)."""
        if not self._state.outputs:
            raise LocalError("Nothing is deployed to the local stack yet.", "Run `./run deploy -e local`.")
        return self._state.outputs

    def log(self, service: Service) -> Path:
        """The log file of a service."""
        return self.home / "logs" / f"{service.name}.log"

    def client(self, service: Any) -> Any:
        """A boto3 client that talks to the emulator only."""
        return self._session.client(service, endpoint_url=self.endpoint_url)

    def id_token(self, user: str = DEMO_USER) -> str:
        """An ID token of a person (made when missing), good for five minutes at least."""
        pool = UserPool(
            home=self.home,
            cognito=self.client("cognito-idp"),
            pool_id=self.outputs["UserPoolId"],
            client_id=self.outputs["UserPoolClientId"],
        )
        return pool.id_token(user)

    def operator_token(self, name: str = OPERATOR, *, group: bool = True) -> str:
        """An ID token of an operator (made and enrolled when missing), good for five minutes at least.

        Without `group` the operator is not in the group `admin`.
        """
        pool = OperatorPool(
            home=self.home,
            cognito=self.client("cognito-idp"),
            pool_id=self.outputs["OperatorPoolId"],
            client_id=self.outputs["OperatorPoolClientId"],
        )
        return pool.id_token(name, group=group)

    @property
    def approvers(self) -> ApproverSubscriptions:
        """Who approves promotions."""
        return ApproverSubscriptions(
            sns=self.client("sns"),
            cognito=self.client("cognito-idp"),
            topic_arn=self.outputs["ApproversTopicArn"],
            pool_id=self.outputs["OperatorPoolId"],
        )

    def approver(self, name: str) -> str:
        """Have an operator (made when missing) confirmed as an approver; return their address."""
        self.operator_token(name)
        address = address_of(name)
        approvers = self.approvers
        if not any((each.address, each.state) == (address, APPROVES) for each in approvers.mailboxes()):
            approvers.add(address)
            [*_, asked] = [mail for mail in self.mails(approvers.topic_arn) if mail.to == address]
            follow(asked.link)
        return address

    def is_up(self) -> bool:
        """Whether every service that the stack needs runs and answers."""
        return all(self._is_serving(service) for service in self._needed())

    def up(self) -> None:
        """Start what is missing, and restart what runs an older program. Idempotent."""
        needed = self._needed()
        ensure(["cdk", *(service.tool for service in needed)], self.progress)
        with exclusive(self.home):
            self._reload()
            for name in list(self._state.services):
                if SERVICES[name] not in needed:
                    self._stop(SERVICES[name])
            for service in needed:
                self._start(service)
            save_state(self.home, self._state)

    def down(self) -> None:
        """End every process that `up` started, and wait for their end."""
        if not self._state.services and not (self.home / "stack.json").exists():
            return
        with exclusive(self.home):
            self._reload()
            for name in list(self._state.services):
                self._stop(SERVICES[name])

    def deploy(self, *, force: bool = False) -> bool:
        """Deploy if something changed since the last deployment, or if forced; tells whether it did."""
        self.require_up()
        with exclusive(self.home):
            self._reload()
            deployment = self._deployment()
            current = not force and deployment.is_current()
            if not current:
                self._state.outputs = {}
                save_state(self.home, self._state)
                deployment.deploy()
            if not current or not self._state.outputs:
                self._state.outputs = deployment.outputs()
                save_state(self.home, self._state)
        return not current

    def destroy(self) -> None:
        """Delete the deployed stacks; the emulator stays up."""
        self.require_up()
        with exclusive(self.home):
            self._reload()
            self._state.outputs = {}
            save_state(self.home, self._state)
            self._deployment().destroy()

    def is_deployed(self) -> bool:
        """Whether something was deployed to this stack."""
        return bool(self._state.outputs)

    def wipe(self) -> None:
        """Forget the emulated account and its people; raises LocalError while the stack runs."""
        if any(service.running for service in self.status()):
            raise LocalError("The local stack is running.", "Stop it with `./run down` first.")
        with exclusive(self.home):
            self._reload()
            self._state.outputs = {}
            save_state(self.home, self._state)
            for name in ("emulator", "tmp", "cdk.out"):
                shutil.rmtree(self.home / name, ignore_errors=True)
            for name in ("users.json", "turns.json", "outbox.jsonl"):
                (self.home / name).unlink(missing_ok=True)

    def outbox_messages(self) -> list[dict[str, Any]]:
        """Messages that the operations topic sent since the last call, oldest first, as SNS wraps them."""
        return receive_outbox(self.client("sqs"))

    def mails(self, topic: str | None = None) -> list[Mail]:
        """What subscribers by e-mail received (of one topic, by its ARN), oldest first; reading keeps it."""
        found = received(self.endpoint_url)
        return [mail for mail in found if topic in (None, mail.topic)]

    def require_up(self) -> None:
        """Raise LocalError unless the stack is up."""
        if not self.is_up():
            raise LocalError("The local stack is not running.", "Start it with `./run up`.")

    def status(self) -> list[ServiceStatus]:
        """The services of this stack, running or not."""
        shown = [service for name, service in SERVICES.items() if name in self._state.services]
        shown += [service for service in self._needed() if service not in shown]
        return [self._status_of(service) for service in shown]

    @cached_property
    def _session(self) -> boto3.Session:
        return aws.session()

    def _deployment(self) -> Deployment:
        return Deployment(
            project=self._project,
            home=self.home,
            endpoint_url=self.endpoint_url,
            context={
                "env": "local",
                "model_base_url": self.model_base_url,
                # The one model that the managed server has; other servers are asked for models by name.
                "model_id": MODEL_ALIAS if self.model == SMALL else "",
                **self._context,
            },
            session=self._session,
            progress=self.progress,
        )

    def _needed(self) -> list[Service]:
        return [EMULATOR, MODEL_SERVER] if self.model == SMALL else [EMULATOR]

    def _port(self, service: Service) -> int:
        try:
            return self._state.ports[service.name]
        except KeyError:
            raise LocalError("The local stack was never started.", "Start it with `./run up`.") from None

    def _reload(self) -> None:
        """Read what other commands wrote, keeping this object's choice of the model."""
        chosen = self._state.model
        self._state = load_state(self.home)
        self._state.model = chosen or self._state.model

    def _running(self, service: Service) -> RunningService | None:
        known = self._state.services.get(service.name)
        return known if known is not None and known.process.is_alive() else None

    def _is_serving(self, service: Service) -> bool:
        return self._running(service) is not None and is_ready(service, self._port(service))

    def _status_of(self, service: Service) -> ServiceStatus:
        running = self._running(service)
        return ServiceStatus(
            title=service.title,
            running=running is not None,
            ready=running is not None and is_ready(service, self._port(service)),
            pid=running.process.pid if running else None,
            port=self._state.ports.get(service.name),
            log=self.log(service),
        )

    def _start(self, service: Service) -> None:
        extra = ENFORCED_IAM if self._enforce_iam and service is EMULATOR else {}
        program = " ".join([service.program(), *extra])
        running = self._running(service)
        if running is not None and running.program == program and is_ready(service, self._port(service)):
            return
        self._stop(service)
        port = ports.choose(self._state.ports.get(service.name))
        with self.progress.step(f"Starting the {service.title}"):
            log = self.log(service)
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
            shutil.rmtree(service.temporary_folder(self.home), ignore_errors=True)
            service.temporary_folder(self.home).mkdir(parents=True)
            process = processes.start(
                service.command(port),
                env=service.environment(self.home, port, extra),
                cwd=REPOSITORY,
                log=log,
            )
            # Remembered before it is ready: if this command is ended now, `down` still finds the process.
            self._state.ports[service.name] = port
            self._state.services[service.name] = RunningService(process, program)
            save_state(self.home, self._state)
            wait_until_ready(service, port, process, log)

    def _stop(self, service: Service) -> None:
        known = self._state.services.pop(service.name, None)
        if known is None:
            return
        if known.process.is_alive():
            with self.progress.step(f"Stopping the {service.title}"):
                processes.stop(known.process, patience_seconds=service.stop_seconds)
        save_state(self.home, self._state)


def checked_model(model: str) -> str:
    """The choice of a model, or LocalError when it is none of the three kinds."""
    if model in (COMPOSER, SMALL) or model.startswith(("http://", "https://")):
        return model.rstrip("/")
    raise LocalError(
        f"{model!r} is not a model.",
        'Choose "composer", "small", or the base URL of an OpenAI-compatible server (http://…/v1).',
    )
