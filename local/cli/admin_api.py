"""Use the operators' API over HTTP: nothing that the command line does goes past it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from local.cli.admin_target import Target
from local.cli.terminal import wrapped
from local.tools.errors import LocalError

ANSWER_SECONDS = 30.0  # API Gateway gives up after 29
TRIES = 4
LONGEST_PAUSE_SECONDS = 10.0
PAGE = "100"
BASE = "/admin/api"

Document = dict[str, Any]


class AdminRefusedError(LocalError):
    """The API said no. `document` is its problem document: the title says what, the detail what to do."""

    def __init__(self, document: Document, status: int) -> None:
        self.document = document
        self.status = status
        title = str(document.get("title") or document.get("message") or f"The API answered {status}.")
        violations = [
            f"  {broken['path'] or '/'}: {broken['keyword']}" for broken in document.get("violations", [])
        ]
        remedy = " ".join(part for part in (str(document.get("detail", "")), _here(document, status)) if part)
        super().__init__("\n".join([title, *violations]), wrapped(remedy, ""))


@dataclass(frozen=True)
class Answer:
    """A document; its version as `If-Match` wants it; and whether it was given before."""

    document: Document
    version: int | None
    replayed: bool = False


@dataclass(frozen=True)
class AdminApi:
    """Calls the API of one environment as one operator.

    What fails for a moment (no connection, no answer in time, 503) is tried again: reading as it is, changing
    under the same idempotency key, so that it is done once.
    """

    target: Target
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = field(default=time.sleep)

    def variants(self, **filters: str) -> list[Document]:
        """Every variant that the filters leave, page by page."""
        return self._pages("variants", "variants", filters)

    def variant(self, category: str, variant_id: str) -> Answer:
        """One variant with its figures of the last days."""
        return self._call("GET", _path(category, variant_id))

    def change(
        self,
        method: str,
        category: str,
        variant_id: str,
        action: str,
        body: Document,
        *,
        version: int | None,
        key: str,
    ) -> Answer:
        """Change a variant. `variant_id` is empty for a new one, `action` for an update."""
        headers = {"Idempotency-Key": key} | ({"If-Match": f'"{version}"'} if version is not None else {})
        return self._call(method, _path(category, variant_id, action), body=body, headers=headers)

    def compare(self, query: Mapping[str, str]) -> Document:
        """Two variants side by side."""
        return self._call("GET", "variants/compare", query=query).document

    def history(self, variant: str) -> list[Document]:
        """All audit entries of a variant (`CATEGORY/id`), oldest first."""
        return self._pages("audit-log", "entries", {"variant_id": variant})

    def newest_entries(self, limit: int) -> list[Document]:
        """The newest audit entries of all variants, oldest first."""
        return self._pages("audit-log", "entries", {}, limit)[::-1]

    def verify(self, variant: str | None) -> Document:
        """Whether a variant's history is whole, or everybody's."""
        return self._call(
            "GET", "audit-log/verify", query={"variant_id": variant} if variant else {}
        ).document

    def promotions(self, status: str | None, limit: int) -> list[Document]:
        """Promotions, newest first."""
        return self._pages("promotions", "promotions", {"status": status} if status else {}, limit)

    def _pages(
        self, path: str, key: str, query: Mapping[str, str], limit: int | None = None
    ) -> list[Document]:
        found: list[Document] = []
        going_on: dict[str, str] = {}
        while limit is None or len(found) < limit:
            page = self._call("GET", path, query={"limit": PAGE, **query, **going_on}).document
            found += page[key]
            if not page["next_cursor"]:
                break
            going_on = {"cursor": page["next_cursor"]}
        return found[:limit]

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        headers = {"Authorization": self.target.token(), **(headers or {})}
        with httpx.Client(
            timeout=ANSWER_SECONDS,
            transport=self.transport,
            # The local API is on loopback: a proxy of the surroundings has no business with it.
            trust_env=not self.target.local,
        ) as http:
            url = f"{self.target.api_url}{BASE}/{path}"
            for attempt in range(TRIES):
                last = attempt == TRIES - 1
                try:
                    response = http.request(method, url, params=dict(query or {}), json=body, headers=headers)
                except httpx.TransportError as error:
                    if last:
                        raise _unanswered(self.target, error, headers.get("Idempotency-Key")) from error
                    self.sleep(_pause(attempt))
                    continue
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or last:
                    return _answer(response)
                self.sleep(_pause(attempt, response.headers.get("Retry-After", "")))
        raise AssertionError("the last try returns or raises")


def _path(*parts: str) -> str:
    return "/".join(["variants", *(quote(part, safe="") for part in parts if part)])


def _pause(attempt: int, asked: str = "") -> float:
    seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.5 * 2**attempt
    return min(seconds, LONGEST_PAUSE_SECONDS)


def _answer(response: httpx.Response) -> Answer:
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        # Not the API's own words (a proxy's page, say): they may be long, and they help nobody.
        document = {"title": f"The API answered {response.status_code} without a document."}
        raise AdminRefusedError(document, response.status_code)
    if response.is_error:
        raise AdminRefusedError(document, response.status_code)
    version = response.headers.get("ETag", "").strip('"')
    return Answer(
        document,
        int(version) if version.isascii() and version.isdigit() else None,
        response.headers.get("Idempotency-Replayed") == "true",
    )


def _unanswered(target: Target, error: httpx.TransportError, key: str | None) -> LocalError:
    where = "`./run status` shows what runs." if target.local else "Is the address right, and the network up?"
    remedy = (
        f"{where} Perhaps the change was made all the same: the same command with `--key {key}` tells, and"
        " makes it at most once."
        if key
        else where
    )
    return LocalError(f"The API of {target.name} did not answer ({type(error).__name__}).", remedy)


_HERE = {
    "confirmation-needed": "On the command line that is --confirm.",
    "incumbent-stays": "On the command line that is --retire-incumbent.",
    "version-mismatch": "The same command reads it again; --version is for a version that was read before.",
    "config-not-valid": "`./run admin variants show` of another variant of the category shows one that is.",
    "idempotency-key-reused": "Leave --key out: then the command makes one.",
}
"""What a problem's detail means for whoever types commands, by the problem's slug."""


def _here(document: Document, status: int) -> str:
    slug = str(document.get("type", "")).rpartition(":")[2]
    if slug in _HERE:
        return _HERE[slug]
    if status == httpx.codes.UNAUTHORIZED:
        return "Sign in again: `./run admin sign-in`, with the same -e."
    if status == httpx.codes.FORBIDDEN:
        return "Only operators of the group admin may: see docs/operations.md, Operators."
    return ""
