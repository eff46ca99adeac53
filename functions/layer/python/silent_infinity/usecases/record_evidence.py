"""Record the result of a golden set for a variant: in its audit log first, then where gates look."""

import json
from dataclasses import replace

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.evidence import GoldenEvidence
from silent_infinity.domain.registry import problems
from silent_infinity.domain.registry.commands import Action, Command
from silent_infinity.domain.registry.documents import etag, variant_document
from silent_infinity.domain.registry.requests import OperatorRequest
from silent_infinity.ports.evidence import GoldenResults
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.usecases.manage_variants import Applied, ManageVariants


class RecordEvidence:
    """The route that takes evidence."""

    def __init__(self, *, manage: ManageVariants, validator: SchemaValidator, results: GoldenResults) -> None:
        self._manage = manage
        self._validator = validator
        self._results = results

    def __call__(self, request: OperatorRequest) -> HttpResponse:
        """Record what the request holds.

        Raises:
            Refusal: nothing was recorded.
            StoreUnavailableError: perhaps it is in the audit log and not yet where gates look. The same key
                puts it there.
        """
        if request.idempotency_key is None:
            raise problems.key_needed()
        broken = self._validator.violations("admin_evidence_request", dict(request.body))
        if broken:
            raise problems.invalid([{"path": found.path, "keyword": found.keyword} for found in broken])
        command = Command(
            action=Action.RECORD_EVIDENCE,
            category=request.path["category"],
            variant_id=request.path["variant_id"],
            actor=request.actor,
            reason=request.body["reason"],
            request_id=request.request_id,
            expected_version=request.if_match,
            evidence=from_payload(GoldenEvidence, request.body["evidence"]),
        )
        response = self._manage(command, request.idempotency_key, _answer)
        # What was answered, now or under this key before, is what is kept: it says when it was recorded.
        self._results.put(from_payload(GoldenEvidence, json.loads(response.body)["evidence"]))
        return response


def _answer(applied: Applied) -> HttpResponse:
    evidence = applied.command.evidence
    if evidence is None:
        raise ValueError("a command without evidence is refused")
    recorded = replace(evidence, recorded_by=applied.command.actor, recorded_at=applied.at.isoformat())
    document = {"variant": variant_document(applied.record, applied.at), "evidence": to_payload(recorded)}
    return ok(document, status=201, headers=etag(applied.record))
