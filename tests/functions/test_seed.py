"""The seed of a deployment: CloudFormation is always told how it went."""

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.seeding import MemorySeedStore
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.usecases.seed_reference_data import BundledPrompt, SeedReferenceData

handler: Any = importlib.import_module("functions.seed.handler")

VARIANTS = [VariantRecord("LLM_MODEL", name, "production") for name in ("a", "b")]


@dataclass
class CloudFormation:
    """Where the outcome is sent to."""

    url: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str | None] = field(default_factory=list)

    def event(self, request_type: str, **more: str) -> dict[str, Any]:
        """Return an event as CloudFormation sends it."""
        return {
            "RequestType": request_type,
            "ResponseURL": self.url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "SeedOfThisVersion",
            "ResourceProperties": {"ContentHash": "0"},
            **more,
        }


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    """A listener on the loopback address."""
    waiting = CloudFormation()

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            waiting.reports.append(json.loads(body))
            waiting.content_types.append(self.headers["Content-Type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    waiting.url = f"http://127.0.0.1:{server.server_port}/answer"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield waiting
    server.shutdown()
    server.server_close()
    thread.join()


def seeding(store: MemorySeedStore, text: str = "Hello") -> SeedReferenceData:
    """Return the use case over a store in memory, with two variants and one prompt."""
    return SeedReferenceData(
        store=store,
        variants=VARIANTS,
        prompts=[BundledPrompt("system", 1, text)],
        clock=FixedClock(datetime(2026, 11, 21, tzinfo=UTC)),
    )


@dataclass
class Context:
    """What the logger reads of Lambda's context."""

    function_name: str = "seed"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:seed"
    aws_request_id: str = "request"


def test_a_creation_seeds_and_succeeds(cloudformation: CloudFormation) -> None:
    """Without variants and prompts the first turn would have nothing to answer with."""
    store = MemorySeedStore()

    handler.lambda_handler(cloudformation.event("Create"), Context(), seeding(store))

    (report,) = cloudformation.reports
    assert report["Status"] == "SUCCESS"
    assert report["Data"] == {"variants": 2, "prompts": 1}
    assert (report["StackId"], report["RequestId"]) == ("stack", "request")
    assert report["LogicalResourceId"] == "SeedOfThisVersion"
    assert set(store.prompts) == {("system", 1)}
    assert set(store.variants) == {("LLM_MODEL", "a"), ("LLM_MODEL", "b")}


def test_the_history_leads_to_the_deployment(cloudformation: CloudFormation) -> None:
    """Whoever asks later where a variant came from finds the request of CloudFormation."""
    store = MemorySeedStore()

    handler.lambda_handler(cloudformation.event("Create"), Context(), seeding(store))

    ((entry,), _) = store.chains.values()
    assert entry.facts["request_id"] == "request"
    assert entry.facts["actor"] == "system:initial-population"
    assert entry.facts["reason"] == "Initial population"


def test_a_store_that_goes_down_fails_the_deployment_and_the_next_one_goes_on(
    cloudformation: CloudFormation,
) -> None:
    """A deployment that claims success over half a population would leave categories without production."""
    store = MemorySeedStore()
    store.fails_after = 1
    handler.lambda_handler(cloudformation.event("Create"), Context(), seeding(store))
    store.fails_after = None

    handler.lambda_handler(cloudformation.event("Create"), Context(), seeding(store))

    assert [report["Status"] for report in cloudformation.reports] == ["FAILED", "SUCCESS"]
    assert cloudformation.reports[1]["Data"] == {"variants": 1, "prompts": 0}


def test_an_update_leaves_what_operators_changed(cloudformation: CloudFormation) -> None:
    """A deployment must never undo a promotion."""
    store = MemorySeedStore()
    store.variants["LLM_MODEL", "a"] = VariantRecord("LLM_MODEL", "a", "retired", version=3)
    event = cloudformation.event("Update", PhysicalResourceId="seed-of-old")

    handler.lambda_handler(event, Context(), seeding(store))

    (report,) = cloudformation.reports
    assert report["Data"] == {"variants": 1, "prompts": 1}
    assert store.variants["LLM_MODEL", "a"].status == "retired"
    # Another identifier would make CloudFormation delete "the old resource" afterwards.
    assert report["PhysicalResourceId"] == "seed-of-old"


def test_a_deletion_touches_nothing(cloudformation: CloudFormation) -> None:
    """Tables and bucket have a fate of their own; the seed has nothing to take back."""
    store = MemorySeedStore()

    handler.lambda_handler(cloudformation.event("Delete"), Context(), seeding(store))

    assert cloudformation.reports[0]["Status"] == "SUCCESS"
    assert not store.prompts


def test_a_changed_prompt_fails_the_deployment_with_its_name(cloudformation: CloudFormation) -> None:
    """Versions are immutable: silence would leave two texts under one name."""
    store = MemorySeedStore()
    seeding(store, "Hello")("first")

    handler.lambda_handler(cloudformation.event("Update"), Context(), seeding(store, "Hello!"))

    (report,) = cloudformation.reports
    assert report["Status"] == "FAILED"
    assert "PromptChangedError" in report["Reason"]
    assert "system version 1" in report["Reason"]


def test_the_report_has_no_content_type(cloudformation: CloudFormation) -> None:
    """The address is signed for an empty one: any other is refused by S3, and the deployment hangs."""
    handler.lambda_handler(cloudformation.event("Create"), Context(), seeding(MemorySeedStore()))

    assert cloudformation.content_types == [""]
