"""Put two variants beside each other: what each metric shows, and how far chance alone goes."""

from datetime import date, timedelta

from silent_infinity.domain.comparison import compare
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.registry import problems, refusals
from silent_infinity.domain.registry.documents import comparison_document
from silent_infinity.domain.registry.requests import OperatorRequest
from silent_infinity.domain.variant_sums import merged
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.ports.variant_metrics import VariantMetrics
from silent_infinity.ports.variant_store import VariantStore
from silent_infinity.usecases.operator_queries import checked_query, variant_key

USUAL_DAYS = 7
MOST_DAYS = 366


class CompareVariants:
    """Compares from what the lake computed: units, never turns. It decides nothing."""

    def __init__(
        self, *, store: VariantStore, metrics: VariantMetrics, validator: SchemaValidator, clock: Clock
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._validator = validator
        self._clock = clock

    def __call__(self, request: OperatorRequest) -> HttpResponse:
        """Compare `a` and `b` over a range of days.

        Raises:
            Refusal: the two cannot be compared, or there is nothing to compare.
            StoreUnavailableError: the figures cannot be read.
        """
        query = checked_query(self._validator, "admin_query_compare", request.query)
        records = self._store.snapshot().records
        a, b = (variant_key(query[name], query.get("category"), records) for name in ("a", "b"))
        if a not in records or b not in records:
            raise refusals.variant_not_found()
        if a[0] != b[0]:
            raise problems.different_categories()
        last = date.fromisoformat(query["to"]) if "to" in query else self._clock.now().date()
        first = date.fromisoformat(query["from"]) if "from" in query else last - timedelta(days=USUAL_DAYS)
        if not 0 <= (last - first).days <= MOST_DAYS:
            raise problems.invalid([{"path": "/from", "keyword": "minimum"}])
        sums = [merged(self._metrics.days(*key, first, last)) for key in (a, b)]
        metrics = [metric for metric in compare(*sums) if query.get("metric") in (None, metric.metric)]
        if not metrics:
            raise problems.no_figures()
        return ok(
            {
                "category": a[0],
                "a": a[1],
                "b": b[1],
                "from": first.isoformat(),
                "to": last.isoformat(),
                **comparison_document(metrics),
            }
        )
