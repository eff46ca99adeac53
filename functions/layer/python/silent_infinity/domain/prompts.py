"""Prompts: parsed from Markdown with front matter, rendered with declared inputs, assembled into a model's
messages.

A prompt file is immutable: a change is a new version in a new file. The text of a person never becomes part
of the instructions: it travels in a user message of its own, between delimiters that it cannot close.

Instructions travel in blocks. What is the same for everybody comes first and may be kept by a provider; what
differs by person or turn stands below the line `--- each turn ---` of a file and comes last.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from silent_infinity.domain import prose
from silent_infinity.domain.quality_codes import instructions_for, second_attempt
from silent_infinity.domain.turn import SystemBlock, Utterance

PERSONA: Final = "system"
PERSONA_VERSION: Final = 4
REGENERATION: Final = "regeneration"
REGENERATION_VERSION: Final = 2
TEMPLATE_OF_CLASS: Final[Mapping[str, str]] = {
    "TC3": "small_talk",
    "TC4": "reflective_mirror",
    "TC5": "teaching",
    "TC6": "crisis_conversation",
}
"""The template that instructs a model for each turn class of the conversation."""

OPEN: Final = "<person_message>"
CLOSE: Final = "</person_message>"
HISTORY_CHARACTERS: Final = 24_000

EACH_TURN: Final = "--- each turn ---"
"""The line of a prompt file below which stands what is filled in for each turn."""

_FRONT_MATTER = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$(?:(\$)|([a-z_][a-z0-9_]*))")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAG = re.compile(
    r"[<\uff1c\ufe64\u2039\u3008](?=[<\uff1c\s/|!?\u200b-\u200f\u2060\ufeff]{0,8}[A-Za-z\uff21-\uff5a|/_])"
)
_BRACKET_TOKEN = re.compile(r"\[(?=/?(?:INST|SYS)\])", re.IGNORECASE)
_LOCALE = re.compile(r"[A-Za-z0-9-]{1,35}")
_QUOTED = re.compile(r'"[^"\n]*"')
_SHINGLE = 8


class PromptError(ValueError):
    """A prompt is malformed, or was given other inputs than it declares. The message names the prompt and the
    input.
    """


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt. `sha256` is that of the whole file; `closing` is repeated after the person's
    message. `body` stands above the line `--- each turn ---` of the file and `each_turn` below it.
    """

    template_id: str
    version: int
    inputs: tuple[str, ...]
    body: str
    sha256: str
    closing: str = ""
    each_turn: str = ""

    @property
    def stable(self) -> bool:
        """Whether the body is the same whatever is filled in, so that a provider may keep it."""
        return not any(match[2] for match in _PLACEHOLDER.finditer(self.body))

    @property
    def prompt_id(self) -> str:
        """The name under which a turn event records the prompt."""
        return f"{self.template_id}/v{self.version}"


def parse_prompt(text: str) -> Prompt:
    """Return the prompt that the Markdown file content `text` describes.

    Raises: PromptError: front matter is missing or incomplete, or the body uses an input that is not
    declared, or the other way round.
    """
    text = text.replace("\r\n", "\n")
    match = _FRONT_MATTER.fullmatch(text)
    if match is None:
        raise PromptError("a prompt starts with front matter between two lines of ---")
    fields = _front_matter(match[1])
    template_id = fields.get("template_id", "")
    if not _NAME.fullmatch(template_id):
        raise PromptError("front matter lacks a template_id of lower-case letters, digits and underscores")
    version = fields.get("version", "")
    if not version.isascii() or not version.isdigit() or int(version) < 1:
        raise PromptError(f"{template_id}: version has to be a whole number from 1")
    inputs = tuple(part.strip() for part in fields.get("inputs", "").strip("[]").split(",") if part.strip())
    body, _, each_turn = (part.strip() for part in match[2].partition(f"\n{EACH_TURN}\n"))
    used = {found[2] for found in _PLACEHOLDER.finditer(f"{body}\n{each_turn}") if found[2]}
    for name in sorted(used - set(inputs)):
        raise PromptError(f"{template_id}/v{version}: the body uses ${name}, which inputs does not declare")
    for name in sorted(set(inputs) - used):
        raise PromptError(f"{template_id}/v{version}: inputs declares {name}, which the body does not use")
    if not body:
        raise PromptError(f"{template_id}/v{version}: the body is empty")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(template_id, int(version), inputs, body, digest, fields.get("closing", ""), each_turn)


def _front_matter(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in block.splitlines():
        name, separator, value = line.partition(":")
        if not separator or not _NAME.fullmatch(name.strip()):
            raise PromptError("front matter has a line that is not `name: value`")
        fields[name.strip()] = value.strip()
    return fields


def render(prompt: Prompt, inputs: Mapping[str, str]) -> str:
    """Return the whole of `prompt` with its inputs filled in. Values are never read as placeholders
    themselves.

    Raises:
        PromptError: an input is missing, or one is given that the prompt does not declare.
    """
    return "\n\n".join(part for part in _rendered(prompt, inputs) if part)


def _rendered(prompt: Prompt, inputs: Mapping[str, str]) -> tuple[str, str]:
    """Return (body, each turn) of `prompt`, filled in."""
    for name in prompt.inputs:
        if name not in inputs:
            raise PromptError(f"{prompt.prompt_id}: the input {name} is missing")
    for name in inputs:
        if name not in prompt.inputs:
            raise PromptError(f"{prompt.prompt_id}: the input {name} is not declared")

    def filled(text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: "$" if match[1] else inputs[match[2]], text)

    return filled(prompt.body), filled(prompt.each_turn)


@cache
def bundled(template_id: str, version: int = 1) -> Prompt:
    """Return a prompt of the copy that ships with the layer.

    Raises:
        PromptError: that template has no such version here.
    """
    path = _folder() / template_id / f"v{version}.md"
    if not _NAME.fullmatch(template_id) or not path.is_file():
        raise PromptError(f"{template_id}/v{version} is not among the bundled prompts")
    return parse_prompt(path.read_text(encoding="utf-8"))


def newest(template_id: str) -> Prompt:
    """Return the newest bundled version of a template, for when the one that is asked for cannot be had.

    Raises:
        PromptError: there is no such template here.
    """
    versions = [prompt for prompt in bundled_prompts() if prompt.template_id == template_id]
    if not versions:
        raise PromptError(f"{template_id} is not among the bundled prompts")
    return versions[-1]


@cache
def bundled_prompts() -> tuple[Prompt, ...]:
    """Return every prompt that ships with the layer, sorted by template and version."""
    found = [
        parse_prompt(path.read_text(encoding="utf-8"))
        for folder in _folder().iterdir()
        if folder.is_dir() and _NAME.fullmatch(folder.name)
        for path in folder.iterdir()
        if re.fullmatch(r"v\d+\.md", path.name)
    ]
    return tuple(sorted(found, key=lambda prompt: (prompt.template_id, prompt.version)))


def _folder() -> Traversable:
    return files("silent_infinity") / "prompts"


def delimited(text: str) -> str:
    """Return a person's words between delimiters that they cannot close.

    Whatever could be read as a tag or as a model's control token loses its opening bracket; a heart (<3)
    stays one.
    """
    return f"{OPEN}\n{disarm(text)}\n{CLOSE}"


def disarm(text: str) -> str:
    """Return `text` without anything that could be read as a delimiter, a role tag or a control token of a
    model.
    """
    return _BRACKET_TOKEN.sub("(", _TAG.sub("(", text)).strip()


def build_messages(
    persona: Prompt,
    instructions: Prompt,
    message: str,
    history: Sequence[Utterance] = (),
    locale: str = "en-US",
    *,
    crisis_level: int = 0,
    resources: Sequence[Mapping[str, Any]] = (),
    previous_failures: Sequence[str] = (),
    regeneration: Prompt | None = None,
    history_characters: int = HISTORY_CHARACTERS,
    cache_ttls: tuple[str | None, str | None] = (None, None),
) -> tuple[tuple[SystemBlock, ...], list[dict[str, str]]]:
    """Return (system blocks, messages) of one turn.

    The blocks begin with what never changes (persona, class), so that providers can cache it, and end with
    one that holds all that does: locale, situation, help lines, and what was wrong with the draft before.
    `cache_ttls` are how long persona and class are worth keeping; a text with something filled into it is
    never marked for keeping, nor is anything behind it. Messages alternate between `user` and `assistant`,
    begin and end with `user`, and hold at most `history_characters` of earlier turns. `previous_failures` are
    failure codes of the draft before this one.

    Raises:
        PromptError: `instructions` declares an input that a turn does not have.
    """
    values = {
        "locale": locale if _LOCALE.fullmatch(locale) else "en",
        "situation": _SITUATIONS[max(0, min(crisis_level, 4))],
        "resources": describe_resources(resources),
    }
    if previous_failures:
        plan = second_attempt(instructions.template_id, previous_failures).plan
        values["plan"] = "\n".join(f"{number}. {step}" for number, step in enumerate(plan, start=1))
        values["instructions"] = "\n".join(f"- {line}" for line in instructions_for(previous_failures))
    prompts = [persona, instructions]
    if previous_failures:
        prompts.append(regeneration or bundled(REGENERATION, REGENERATION_VERSION))
    blocks: list[SystemBlock] = []
    each_turn: list[str] = []
    keeps = True
    for prompt, ttl in zip(prompts, (*cache_ttls, None), strict=False):
        body, varying = _rendered(prompt, {name: values[name] for name in prompt.inputs if name in values})
        if prompt.template_id == REGENERATION:
            each_turn += [body, varying]
            continue
        keeps = keeps and prompt.stable
        blocks.append(SystemBlock(body, ttl if keeps else None))
        each_turn.append(varying)
    last = "\n\n".join(part for part in each_turn if part)
    if last:
        blocks.append(SystemBlock(last))
    closing = f"\n\n{instructions.closing}" if instructions.closing else ""
    messages = _recent(history, history_characters)
    _append(messages, "user", delimited(message) + closing)
    return tuple(blocks), messages


def describe_resources(resources: Sequence[Mapping[str, Any]]) -> str:
    """Return help lines as a prompt lists them, one a line, each with the wording that its data
    prescribes.
    """
    lines = []
    for resource in resources:
        wording = str(resource.get("wording") or "").strip()
        if not wording:
            hours = str(resource.get("hours") or "").strip()
            wording = (
                f"{resource.get('name', '')}: {resource.get('contact', '')}{f' ({hours})' if hours else ''}"
            )
        lines.append(f"- {wording}")
    return "\n".join(lines) or "- the local emergency number"


def lineage(persona: Prompt, instructions: Prompt) -> tuple[str, str]:
    """Return (prompt id, SHA-256) of the pair that made a reply, as a turn event records them."""
    joined = hashlib.sha256(f"{persona.sha256}\n{instructions.sha256}".encode()).hexdigest()
    return f"{instructions.prompt_id}+{persona.prompt_id}", joined


def quoted_passages(text: str) -> list[str]:
    """Return the passages of `text` that repeat a bundled prompt, eight words each, folded.

    What the prompts put between quotation marks may be said; what their examples answer may not be copied.
    """
    shingles = _instruction_shingles()
    return [" ".join(run) for run in prose.runs(prose.words(prose.fold(text)), _SHINGLE) if run in shingles]


@cache
def _instruction_shingles() -> frozenset[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for prompt in bundled_prompts():
        for line in (*prompt.body.splitlines(), *prompt.each_turn.splitlines(), prompt.closing):
            if line.startswith("Person:"):
                continue
            unquoted = _QUOTED.sub(". ", _PLACEHOLDER.sub('""', line.removeprefix("You:")))
            for sentence in prose.sentences(unquoted):
                found.update(prose.runs(prose.words(prose.fold(sentence)), _SHINGLE))
    return frozenset(found)


def _recent(history: Sequence[Utterance], limit: int) -> list[dict[str, str]]:
    """Return the newest turns that fit, alternating, beginning with the person."""
    kept: list[Utterance] = []
    size = 0
    for turn in reversed(history):
        size += len(turn.text)
        if size > limit:
            break
        kept.append(turn)
    messages: list[dict[str, str]] = []
    for turn in reversed(kept):
        text = delimited(turn.text) if turn.role == "user" else turn.text.strip()
        if text and (messages or turn.role == "user"):
            _append(messages, turn.role, text)
    return messages


def _append(messages: list[dict[str, str]], role: str, text: str) -> None:
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] += f"\n\n{text}"
    else:
        messages.append({"role": role, "content": text})


_SITUATIONS: Final = (
    "It is not certain how much danger there is.",
    "They are in distress; it is not certain how much danger there is.",
    "They speak of not wanting to go on, of hurting themselves, or of someone else who is in danger.",
    "They speak of wanting or planning to die, or of hurting themselves.",
    "It may be happening now.",
)
