"""Changes of variants: what has to be known before, what came of it, and how to take it back."""

from __future__ import annotations

import sys
import uuid
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from local.cli.admin_api import AdminApi, Answer
from local.cli.admin_views import moment, paragraph, percent, reference
from local.cli.terminal import bold
from local.tools.errors import LocalError

LARGE_STEP = 25.0
REASON = (10, 500)
Document = Mapping[str, Any]


def send(api: AdminApi, arguments: Namespace, variant: Document, action: str, body: Document) -> Answer:
    """Ask what still has to be asked, then make the change.

    `variant` is as it was read just now, or what is about to be created (without a `version`).
    """
    new = "version" not in variant
    if not arguments.json:
        now = "new" if new else f"{state(variant)}, version {variant['version']}"
        print(f"{bold(reference(variant))}  {now}")
    _be_careful(api, arguments, variant)
    read = None if new else variant["version"]
    return api.change(
        "PUT" if action == "update" else "POST",
        variant["category"],
        "" if new else variant["variant_id"],
        "" if action in ("update", "create") else action,
        {**body, "reason": _reason(arguments)},
        version=arguments.version or read,
        key=arguments.key or str(uuid.uuid4()),
    )


def _be_careful(api: AdminApi, arguments: Namespace, variant: Document) -> None:
    if not api.target.careful or arguments.yes:
        return
    if not sys.stdin.isatty():
        arguments.parser.error(f"{api.target.name} is changed from a script with --yes only")
    typed = input(f"This changes {api.target.name}. Type the variant's id to go on: ").strip()
    if typed != variant["variant_id"]:
        raise LocalError("That is not the variant's id.", "Nothing was changed.")


def _reason(arguments: Namespace) -> str:
    if arguments.reason is None:
        if not sys.stdin.isatty():
            arguments.parser.error("a change needs a reason: --reason TEXT")
        arguments.reason = input(f"Why? ({REASON[0]} to {REASON[1]} characters; it stays in the audit log) ")
    reason = str(arguments.reason).strip()
    if not REASON[0] <= len(reason) <= REASON[1]:
        arguments.parser.error(f"the reason has {REASON[0]} to {REASON[1]} characters")
    return reason


def state(variant: Document) -> str:
    """Stage and rollout."""
    return f"{variant['status']} at {percent(variant['rollout_percent'])}"


def outcome(before: Document, answer: Answer, flags: str = "") -> str:
    """What came of a change, and what to type to undo it."""
    changed = answer.document
    after = changed["variant"]
    match changed["outcome"]:
        case "waiting":
            said = f"Waits for its cooldown: in force from {moment(changed['effective_at'])}."
        case "approval_requested":
            said = "Asked for: it is made when the evidence is in and a person has said yes."
        case _ if "version" not in before:
            said = f"Created: {state(after)}, version {after['version']}."
        case _ if state(before) == state(after):
            said = f"Done: {state(after)}, version {after['version']}."
        case _:
            said = f"{state(before)} -> {state(after)}, version {after['version']}"
    lines = [f"  {bold(said)}"]
    if answer.replayed:
        lines.append("  This was done before, under the same key; it was not done again.")
    lines += [
        f"  {reference(one)}: {one['action'].replace('_', ' ')}, {state(one)}"
        for one in changed["also_changed"]
    ]
    words, command = undo(before, changed)
    lines.append(paragraph(words))
    # On a line of its own, however narrow the terminal is: it is there to be copied.
    lines += [f"    {command} {flags}".rstrip()] if command else []
    return "\n".join(lines)


def undo(before: Document, changed: Document) -> tuple[str, str]:
    """How a change is taken back, in words, and the command for it (empty: there is none)."""
    after = changed["variant"]
    name = reference(after)
    action = changed["outcome"] if changed["outcome"] != "applied" else changed["action"]
    match action:
        case "waiting":
            found = "To take it back:", _command("cancel", name)
        case "approval_requested":
            found = "To withdraw it (the rollout becomes 0 as well):", _command("pause", name)
        case "create":
            found = "To undo it:", _command("update", name, "--retire")
        case "promote":
            back = "rollback" if after["status"] == "production" else "demote"
            found = "To undo it:", _command(back, name)
        case "update" | "pause" if state(before) != state(after):
            found = "To undo it:", _command("update", name, *_rollout(before, after))
        case "update" | "pause":
            found = "What it was before:", f"./run admin audit {name}"
        case "retire":
            found = "Retiring is for good. A new variant can have this one as its parent.", ""
        case "cancel":
            found = "To ask for it again, repeat the command that was cancelled.", ""
        case _:
            found = "The way back leads up again, stage by stage:", _command("promote", name)
    return found


def _command(verb: str, name: str, *options: str) -> str:
    return " ".join(["./run admin variants", verb, name, *options, "--reason …"])


def _rollout(before: Document, after: Document) -> list[str]:
    large = abs(before["rollout_percent"] - after["rollout_percent"]) > LARGE_STEP
    return [f"--rollout {before['rollout_percent']:g}", *(["--confirm"] if large else [])]
