"""Show operators what was done to variants, and whether the record of it is whole."""

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.registry import problems, refusals
from silent_infinity.domain.registry.documents import entry_document
from silent_infinity.domain.registry.requests import OperatorRequest
from silent_infinity.ports.audit_log import AuditLog
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.ports.variant_store import VariantStore
from silent_infinity.usecases.operator_queries import MOST_ITEMS, checked_query, variant_key
from silent_infinity.usecases.verify_audit import VerifyAudit


class ReadAudit:
    """The routes of the audit log. Every method may raise Refusal, and StoreUnavailableError."""

    def __init__(
        self, *, store: VariantStore, log: AuditLog, verify: VerifyAudit, validator: SchemaValidator
    ) -> None:
        self._store = store
        self._log = log
        self._verify = verify
        self._validator = validator

    def entries(self, request: OperatorRequest) -> HttpResponse:
        """Show a variant's history, oldest first, or the newest entries of all."""
        query = checked_query(self._validator, "admin_query_audit_log", request.query)
        limit, cursor = query.get("limit", MOST_ITEMS), query.get("cursor")
        try:
            if "variant_id" not in query:
                page = self._log.recent(limit=limit, cursor=cursor)
            else:
                records = self._store.snapshot().records
                key = variant_key(query["variant_id"], query.get("category"), records)
                page = self._log.history(*key, limit=limit, cursor=cursor)
                # A row that is gone has a history all the same.
                if not page.entries and key not in records:
                    raise refusals.variant_not_found()
        except ValueError:
            raise problems.invalid([{"path": "/cursor", "keyword": "format"}]) from None
        return ok({"entries": [entry_document(entry) for entry in page.entries], "next_cursor": page.cursor})

    def verification(self, request: OperatorRequest) -> HttpResponse:
        """Check the history of one variant, or of all."""
        query = checked_query(self._validator, "admin_query_verify", request.query)
        key = None
        if "variant_id" in query:
            records = self._store.snapshot().records
            key = variant_key(query["variant_id"], query.get("category"), records)
        found = self._verify(key)
        if key is not None and key not in records and not found.entries and found.ok:
            raise refusals.variant_not_found()
        document = to_payload(found)
        del document["heads"]
        return ok({"ok": found.ok, **document})
