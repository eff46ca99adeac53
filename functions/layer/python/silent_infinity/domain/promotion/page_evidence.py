"""What an approval's page shows of the evidence."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from silent_infinity.domain.lake.report_html import figure, table
from silent_infinity.domain.promotion.approval import account_of
from silent_infinity.domain.promotion.charts import answers, interval, latencies
from silent_infinity.domain.promotion.evidence import (
    ConfigChange,
    Evidence,
    GateResult,
    GoldenEvidence,
    Group,
    Verdict,
)
from silent_infinity.domain.promotion.words import (
    GROUPS,
    NO_RISK,
    UNDO,
    VERDICTS,
    brackets,
    is_difference,
    level,
    moment_of,
    numbers,
    people,
    risks,
    short,
    span,
    undo_command,
    verdicts,
    visible,
)

NPS: Final = "nps"
_TITLES: Final = {
    NPS: "Would you recommend it? (0 to 10)",
    "latency_total_ms": "Time to the whole reply",
    "latency_first_token_ms": "Time to the first words",
}
_MARKS: Final = {Verdict.PASSED: "✓", Verdict.FAILED: "✕", Verdict.NOT_ENOUGH_DATA: "?"}
_MOST_SHOWN: Final = 600
_BEFORE: Final = 60
_MOST_NAMED: Final = 5
_UNIT: Final = re.compile(r"(?<=\d) (?=%|m?s\b)")
_ELSEWHERE: Final = "s3_key"
_UNSEEN: Final = (
    "The text itself is not part of the configuration and not shown here. Read both files before you say yes."
)


def evidence_sections(evidence: Evidence, environment: str) -> str:
    """Return the sections from what changes for people to the configuration."""
    return (
        _people(evidence, environment)
        + _gates(evidence)
        + _distributions(evidence.histograms)
        + _golden(evidence)
        + _changes(evidence.changes)
        + f'<p class="fine-print">Evidence <code>{escape(evidence.hash)}</code></p>\n'
    )


def _section(name: str, title: str, inner: str) -> str:
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>\n{inner}</section>\n'


def _sentence(words: str) -> str:
    """Return a sentence in which no line ends between a number and its unit."""
    return escape(_UNIT.sub("\u00a0", words))


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_sentence(sentence)}</li>' for sentence in sentences)}</ul>"


def _people(evidence: Evidence, environment: str) -> str:
    quotes = "".join(
        f'<div><dt>{title}</dt><dd><blockquote dir="auto">{escape(visible(words))}</blockquote></dd></div>'
        for title, words in (
            ("The variant, as an operator described it", evidence.description),
            ("Why it was asked for", evidence.reason),
        )
        if words
    )
    quoted = f'<dl class="quotes">{quotes}</dl>' if quotes else ""
    against = f"{_sub('What speaks against it, or is not known')}{_list(risks(evidence) or [NO_RISK])}"
    undone = (
        f"{_sub('How it is undone')}<p>{escape(UNDO)}</p>"
        f'<p class="typed"><code>{escape(undo_command(evidence, environment))}</code></p>'
    )
    inner = f"{_list(people(evidence))}{quoted}{_numbers(evidence)}{against}{undone}"
    return _section("people", "What a yes changes for people", inner)


def _numbers(evidence: Evidence) -> str:
    chosen = numbers(evidence.gates)
    found = "".join(
        f"<li><strong>{escape(gate.title)}{f': {escape(span(gate))}' if gate.unit else ''}</strong> "
        f"{_sentence(gate.sentence)}</li>"
        for gate in chosen
    )
    intro = "".join(f"<p>{words}</p>" for words in brackets(chosen))
    return f'{_sub("The numbers that matter")}{intro}<ul class="numbers">{found}</ul>' if found else ""


def _sub(title: str) -> str:
    return f'<h3 class="sub">{escape(title)}</h3>'


def _gates(evidence: Evidence) -> str:
    since = f" Figures of {evidence.since} to {evidence.as_of} (UTC)." if evidence.as_of else ""
    beside = evidence.production
    named = ", ".join(beside) if len(beside) <= _MOST_NAMED else f"{len(beside)} variants"
    held = f" Compared with production: {named}." if beside else ""
    intro = f"{verdicts(evidence.gates)}{held}{since}"
    groups = []
    for group in Group:
        found = [gate for gate in evidence.gates if gate.group == group]
        if found:
            cards = "".join(_gate(gate) for gate in found)
            groups.append(f'<h3 class="sub">{escape(GROUPS[group])}</h3><div class="gates">{cards}</div>')
    return _section("gates", "What the gates found", f"<p>{escape(intro)}</p>{''.join(groups)}")


def _gate(gate: GateResult) -> str:
    verdict = Verdict(gate.verdict)
    picture = interval(gate)
    return (
        f'<article class="gate {verdict.value}"><h4>{escape(gate.title)} '
        f'<span class="verdict"><span aria-hidden="true">{_MARKS[verdict]}</span> {VERDICTS[verdict]}</span>'
        f"</h4><p>{_sentence(gate.sentence)}</p>{picture}{_details(gate)}</article>"
    )


def _details(gate: GateResult) -> str:
    rows = {}
    if gate.production_value is not None:
        rows["This variant"] = level(gate.arm_value, gate.unit)
        rows["Production"] = level(gate.production_value, gate.unit)
    if gate.estimate is not None:
        rows["Difference" if is_difference(gate) else "Found"] = span(gate)
    if gate.confidence is not None:
        rows["Confidence"] = f"{gate.confidence:.1%}"
    if gate.p is not None:
        rows["p"] = f"{gate.p:.4f}" if gate.p >= 0.0001 else "below 0.0001"
    if gate.n_arm:
        counted = gate.counted or "counted"
        against = f" and {gate.n_production:,}" if gate.n_production else ""
        rows["Number"] = f"{gate.n_arm:,}{against} {counted}"
    if gate.method:
        rows["Method"] = gate.method
    if not rows:
        return ""
    inner = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in rows.items())
    return (
        f"<details><summary>Figures<span> of {escape(gate.title)}</span></summary><dl>{inner}</dl></details>"
    )


def _distributions(histograms: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    pictures = []
    for metric in sorted(histograms):
        title = _TITLES.get(metric, metric)
        draw = answers if metric == NPS else latencies
        if any(histograms[metric].values()) and (picture := draw(title, histograms[metric])):
            counts = {arm: sum(bins.values()) for arm, bins in histograms[metric].items()}
            caption = (
                f"{counts.get('arm', 0):,} of this variant, {counts.get('production', 0):,} of production"
            )
            pictures.append(figure(title, picture, caption))
    if not pictures:
        return ""
    return _section("spread", "How it is spread", f'<div class="pictures">{"".join(pictures)}</div>')


def _golden(evidence: Evidence) -> str:
    golden = evidence.golden
    if golden is None:
        return ""
    rows = [
        ("Suite", golden.suite),
        ("Model", golden.model_id or "–"),
        ("Cases", f"{golden.cases:,}, {golden.crisis_cases:,} of them of a crisis"),
        ("Crises missed", f"{golden.crisis_missed:,}"),
        ("Gates broken", ", ".join(golden.gates_broken) or "none"),
        ("Run", moment_of(golden.run_at)),
        ("Recorded", _recorded(golden, evidence.requested_by)),
        *((name.replace("_", " "), f"{value:g}") for name, value in sorted(golden.figures.items())),
    ]
    return _section(
        "golden", "Golden set", table("Result of the golden set", ("What", "Found"), rows, texts=2)
    )


def _recorded(golden: GoldenEvidence, asked: str) -> str:
    """Say whose word a result is: nobody else saw the run."""
    if not golden.recorded_by:
        return "–"
    same = ", who also asked for the promotion" if account_of(golden.recorded_by) == account_of(asked) else ""
    when = f", {moment_of(golden.recorded_at)}" if golden.recorded_at else ""
    return f"by operator {short(golden.recorded_by)}{same}{when}"


def _changes(changes: tuple[ConfigChange, ...]) -> str:
    if not changes:
        words = "<p>The configuration is the one that production has.</p>"
        return _section("configuration", "Configuration", words)
    items = "".join(
        f"<div><dt><code>{escape(visible(change.path))}</code></dt>"
        f"<dd>{_value('Production', change.before, change.after, 'del')}</dd>"
        f"<dd>{_value('This variant', change.after, change.before, 'ins')}</dd></div>"
        for change in changes
    )
    note = f"<p>{_UNSEEN}</p>" if any(change.path.endswith(_ELSEWHERE) for change in changes) else ""
    inner = f'{note}<dl class="changes">{items}</dl>'
    return _section("configuration", "What differs in the configuration", inner)


def _value(side: str, text: str, other: str, tag: str) -> str:
    named = f'<span class="side">{side}</span>'
    if not text:
        return f'{named}<span class="absent">absent</span>'
    shown = f'{named}<{tag} dir="auto"><code>{escape(visible(_cut(text, other)))}</code></{tag}>'
    if len(text) <= _MOST_SHOWN:
        return shown
    whole = f'<pre dir="auto" tabindex="0" role="region" aria-label="{side}">{escape(visible(text))}</pre>'
    title = f"All {len(text):,} characters<span> of {side}</span>"
    return f"{shown}<details><summary>{title}</summary>{whole}</details>"


def _cut(text: str, other: str) -> str:
    """Return a long text from a little before the place where it begins to differ."""
    if len(text) <= _MOST_SHOWN:
        return text
    pairs = enumerate(zip(text, other, strict=False))
    same = next((place for place, (one, two) in pairs if one != two), min(len(text), len(other)))
    start = max(same - _BEFORE, 0)
    end = start + _MOST_SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
