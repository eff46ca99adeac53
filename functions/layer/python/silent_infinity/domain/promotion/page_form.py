"""The form of an approval's page: an answer and a reason, both required."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from silent_infinity.domain.promotion.links import APPROVE, CHOICES, REJECT

LEAST_REASON: Final = 10
MOST_REASON: Final = 500

_LABELS: Final = {
    APPROVE: ("Approve", "The variant is promoted as described above."),
    REJECT: ("Reject", "Nothing changes for people."),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What was chosen and typed so far; `problems` are sentences by the id of their field."""

    choice: str = ""
    reason: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)


def typed(fields: Mapping[str, str]) -> Typed:
    """Return what was sent, cleaned, and what is wrong with it."""
    choice, reason = fields.get("decision", ""), cleaned(fields.get("reason", ""))
    problems = {}
    if choice not in CHOICES:
        problems["decision-approve"] = "Choose approve or reject."
    if not LEAST_REASON <= len(reason) <= MOST_REASON:
        problems["reason"] = f"Give a reason of {LEAST_REASON} to {MOST_REASON} characters."
    return Typed(choice if choice in CHOICES else "", reason, problems)


def cleaned(text: str) -> str:
    """Return a text without blanks around it and without characters that cannot be seen or stored."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one for one in lines if one == "\n" or one.isprintable()).strip()


def form(given: Typed) -> str:
    """Return the form. It is sent to the page's own address, whose query holds the signature."""
    invalid = ' aria-invalid="true"' if "reason" in given.problems else ""
    choices = "".join(_choice(choice, given) for choice in CHOICES)
    bounds = f'minlength="{LEAST_REASON}" maxlength="{MOST_REASON}"'
    hint = f"{LEAST_REASON} to {MOST_REASON} characters. The audit log keeps it."
    return (
        '<section aria-labelledby="decide" class="decide"><h2 id="decide">Your decision</h2>\n'
        '<form method="post" autocomplete="off">\n'
        f"<fieldset><legend>Should this be done?</legend>{choices}</fieldset>\n"
        f'<label for="reason">Why? <span id="hint">{hint}</span></label>\n'
        f'<textarea id="reason" name="reason" rows="4" required {bounds} '
        f'dir="auto" aria-describedby="hint"{invalid}>\n{escape(given.reason)}</textarea>\n'
        '<button type="submit">Send my decision</button>\n'
        "<p>It is recorded under your name, and cannot be taken back here. A variant that was promoted can "
        "be demoted, paused or rolled back at any time.</p>\n</form></section>\n"
    )


def _choice(choice: str, given: Typed) -> str:
    name, meaning = _LABELS[choice]
    checked = " checked" if given.choice == choice else ""
    return (
        f'<label class="choice"><input type="radio" id="decision-{choice}" name="decision" '
        f'value="{choice}" required{checked}><span><strong>{name}</strong> {meaning}</span></label>'
    )
