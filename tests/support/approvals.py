"""Promotions that people are asked about: evidence, approvers, and the use cases over memory.

`python -m tests.support.approvals FOLDER` writes the e-mail and the page in each of its states there, and
`--docs` renders the pictures of docs/promotions.md with Chromium.
"""

import argparse
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from silent_infinity.adapters.memory.approvals import MemoryApprovals
from silent_infinity.adapters.memory.approvers import MemoryApprovers
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.evidence import MemoryEvidence
from silent_infinity.adapters.memory.promotion_executions import MemoryPromotionExecutions
from silent_infinity.adapters.memory.variant_store import MemoryPromotions, MemoryVariantStore
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.promotion.approval import Approver
from silent_infinity.domain.promotion.evidence import Evidence
from silent_infinity.domain.promotion.page import Click
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.usecases.ask_approvers import AskApprovers, Asked, AskRequest
from silent_infinity.usecases.decide_promotion import DecidePromotion
from tests.support.registry import variant
from tests.support.vectors import VECTORS

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
KEY = "a key of at least thirty-two characters"
BASE = "https://api.example.test/v1-stage"
TOKEN = "task-token-that-nobody-may-see"
WEEK_SECONDS = 604_800
ANA = Approver("3f2a91c4-5b7d-4c1e-9a70-1f0d2b6e8a11", "ana@example.test")
BEN = Approver("77c0de55-0b1a-4f6e-8c2d-9e1f3a5b7c22", "ben@example.test")
CLEO = Approver("c1e0c1e0-aaaa-4bbb-8ccc-1234567890ab", "cleo@example.test")
DOCS = Path(__file__).parents[2] / "docs"
PICTURES = (("approve-chosen", "promotion-page.png", "860,5350"), ("mail", "promotion-mail.png", "760,1420"))
REASON = "The comparison is sound, and people stay."


def evidence(name: str = "canary", **changes: Any) -> Evidence:
    """Return one of the documents in `tests/vectors/approval_evidence.json`, with fields changed."""
    documents: dict[str, Any] = json.loads((VECTORS / "approval_evidence.json").read_text(encoding="utf-8"))
    return replace(from_payload(Evidence, documents[name]), **changes)


@dataclass
class Asking:
    """A promotion whose evidence is there, and everything around it in memory."""

    document: Evidence = field(default_factory=evidence)
    approvers: MemoryApprovers = field(default_factory=lambda: MemoryApprovers([ANA, BEN, CLEO]))
    approvals: Any = field(default_factory=MemoryApprovals)
    stored: Any = field(default_factory=MemoryEvidence)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    executions: MemoryPromotionExecutions = field(default_factory=MemoryPromotionExecutions)

    def __post_init__(self) -> None:
        found = self.document
        row = variant(
            found.category,
            found.variant_id,
            found.from_status,
            version=found.variant_version,
            promotion_id=found.promotion_id,
        )
        self.variants = MemoryVariantStore(self.clock, [row])
        self.variants.promotions[found.promotion_id] = PromotionRequest(
            promotion_id=found.promotion_id,
            category=found.category,
            variant_id=found.variant_id,
            from_status=found.from_status,
            to_status=found.to_status,
            rollout_percent=found.to_percent,
            requested_by=found.requested_by,
            requested_at=found.requested_at,
            reason=found.reason,
            variant_version=found.variant_version,
        )
        self.hash = self.stored.put(found)
        self.executions.waiting.add(TOKEN)
        promotions = MemoryPromotions(self.variants)
        shared: dict[str, Any] = {
            "approvals": self.approvals,
            "approvers": self.approvers,
            "evidence": self.stored,
            "promotions": promotions,
            "executions": self.executions,
            "link_key": lambda: KEY,
            "environment": "prod",
            "clock": self.clock,
        }
        self.asks = AskApprovers(**shared, base_url=BASE)
        self.pages = DecidePromotion(**shared, variants=self.variants)

    @property
    def id(self) -> str:
        """The promotion's, the approval's and the execution's id."""
        return self.document.promotion_id

    def ask(self, token: str = TOKEN) -> Asked:
        """Have the approvers asked."""
        self.executions.waiting.add(token)
        return self.asks(AskRequest(self.id, self.hash, token, WEEK_SECONDS))

    def mail(self, approver: Approver = ANA) -> tuple[str, str]:
        """Return subject and text of what an approver was sent last."""
        return next((subject, text) for to, subject, text in reversed(self.approvers.sent) if to == approver)

    def link(self, approver: Approver = ANA, answer: str = "Approve") -> str:
        """Return the link of an approver's mail."""
        lines = self.mail(approver)[1].splitlines()
        return next(line.split()[-1] for line in lines if line.startswith(f"{answer}:"))

    def click(self, approver: Approver = ANA, fields: Mapping[str, str] | None = None, **query: str) -> Click:
        """Return a click on an approver's link, with parts of its query changed."""
        return Click(self.id, {**query_of(self.link(approver)), **query}, fields or {})

    def show(self, approver: Approver = ANA, **query: str) -> HttpResponse:
        """Open the page."""
        return self.pages.show(self.click(approver, None, **query))

    def decide(
        self, approver: Approver = ANA, choice: str = "approve", reason: str = REASON, **query: str
    ) -> HttpResponse:
        """Send the form."""
        return self.pages.decide(self.click(approver, {"decision": choice, "reason": reason}, **query))

    def close(self, status: str) -> None:
        """Have the promotion end with a status."""
        promotions = self.variants.promotions
        promotions[self.id] = replace(promotions[self.id], status=status)

    def edit(self) -> None:
        """Have somebody change the variant."""
        key = self.document.category, self.document.variant_id
        row = self.variants.records[key]
        self.variants.records[key] = replace(row, version=row.version + 1)


def query_of(link: str) -> dict[str, str]:
    """Return the parameters of a link."""
    return dict(parse_qsl(urlsplit(link).query))


def states() -> dict[str, str]:
    """Return the e-mails and the page in each of its states, as HTML, by name."""
    found: dict[str, str] = {}
    asked = Asking()
    asked.ask()
    found["mail"] = _as_mail(asked, ANA)
    found["asked"] = asked.show().body
    found["approve-chosen"] = asked.show(d="approve").body
    found["incomplete"] = asked.decide(choice="", reason="too short").body
    found["tampered"] = asked.show(v="8").body
    asked.clock.advance(540)
    found["approved"] = asked.decide().body
    asked.clock.advance(3_600)
    asked.close("applied")
    found["decided-by-another"] = asked.decide(BEN, "reject", "I would rather wait for Monday.").body
    for name, end in {"expired": "expired", "withdrawn": "withdrawn"}.items():
        other = Asking()
        other.ask()
        other.close(end)
        other.clock.advance(691_200 if name == "expired" else 0)
        found[name] = other.show().body
    changed = Asking()
    changed.ask()
    changed.edit()
    found["changed"] = changed.show().body
    rejected = Asking()
    rejected.ask()
    found["rejected"] = rejected.decide(choice="reject").body
    crisis = Asking(evidence("crisis"))
    crisis.ask()
    found["crisis-mail"] = _as_mail(crisis, BEN)
    found["crisis"] = crisis.show().body
    found["one-of-two"] = crisis.decide().body
    found["second-of-two"] = crisis.show(BEN).body
    hostile = Asking(evidence("hostile"))
    hostile.ask()
    found["hostile"] = hostile.show().body
    return found


def _as_mail(asking: Asking, approver: Approver) -> str:
    subject, text = asking.mail(approver)
    return (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<style>body{margin:0;background:#fff;color:#1c2024;font:15px/1.45 ui-monospace,monospace}"
        "header{font:15px/1.5 system-ui,sans-serif;padding:14px 20px;background:#eef1f4;"
        "border-bottom:1px solid #dfe3e8}b{display:block;font-size:17px}pre{margin:0;padding:16px 20px;"
        "white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}</style>"
        f"<header><b>{escape(subject)}</b>To: {escape(approver.address)}</header><pre>{escape(text)}</pre>"
    )


def main() -> None:
    """Write every state into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--docs", action="store_true")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in states().items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    if given.docs:
        for name, picture, size in PICTURES:
            render(folder / f"{name}.html", DOCS / picture, size)


def render(html: Path, picture: Path, size: str) -> None:
    """Take a picture of a page; `size` is that of the window, `width,height`."""
    browser = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    subprocess.run(  # noqa: S603 -- a browser, with a page written here
        [browser, *flags, f"--window-size={size}", f"--screenshot={picture}", html.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )


if __name__ == "__main__":
    main()
