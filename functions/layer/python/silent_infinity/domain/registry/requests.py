"""What an operator sends, once it is known who it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ADMIN_GROUP = "admin"
"""The group of the operators' pool that may use the API. Others who are signed in there may not."""


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """A request of an operator.

    `actor` is `operator:<subject>`. `route` is method and resource, such as
    `PUT /admin/api/variants/{category}/{variant_id}`; `path` and `query` are its parameters as text.
    `if_match` is the version that the operator has seen. `request_id` is API Gateway's, for the audit log.
    """

    actor: str
    request_id: str
    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: int | None = None
    idempotency_key: str | None = None
