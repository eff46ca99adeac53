"""What an approval's page shows of the evidence."""

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from silent_infinity.domain.lake.report_html import figure, table
from silent_infinity.domain.promotion.charts import answers, interval, latencies
from silent_infinity.domain.promotion.evidence import ConfigChange, Evidence, GateResult, Group, Verdict
from silent_infinity.domain.promotion.words import (
    GROUPS,
    VERDICTS,
    is_difference,
    level,
    moment_of,
    people,
    risks,
    span,
    visible,
)

NPS: Final = "nps"
_TITLES: Final = {
    NPS: "Would you recommend it? (0 to 10)",
    "latency_total_ms": "Time to the whole reply",
    "latency_first_token_ms": "Time to the first words",
}
_MARKS: Final = {Verdict.PASSED: "✓", Verdict.FAILED: "✕", Verdict.NOT_ENOUGH_DATA: "?"}
_COUNTED: Final = {Verdict.FAILED: "failed", Verdict.NOT_ENOUGH_DATA: "without enough data"}
_MOST_SHOWN: Final = 600


def evidence_sections(evidence: Evidence) -> str:
    """Return the sections from what changes for people to the configuration."""
    return (
        _people(evidence)
        + _gates(evidence)
        + _distributions(evidence.histograms)
        + _golden(evidence)
        + _changes(evidence.changes)
        + f'<p class="fine-print">Evidence <code>{escape(evidence.hash)}</code></p>\n'
    )


def verdicts(evidence: Evidence) -> str:
    """Say how many gates passed, failed, or have too little to go by."""
    counts = Counter(Verdict(gate.verdict) for gate in evidence.gates)
    total = len(evidence.gates)
    others = [f"{counts[one]} {words}" for one, words in _COUNTED.items() if counts[one]]
    said = f"{counts[Verdict.PASSED]} of {total} gates passed" if others else f"All {total} gates passed"
    return f"{'; '.join([said, *others])}."


def _section(name: str, title: str, inner: str) -> str:
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>\n{inner}</section>\n'


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _people(evidence: Evidence) -> str:
    quotes = "".join(
        f'<div><dt>{title}</dt><dd><blockquote dir="auto">{escape(visible(words))}</blockquote></dd></div>'
        for title, words in (
            ("The variant, as an operator described it", evidence.description),
            ("Why it was asked for", evidence.reason),
        )
        if words
    )
    found = list(risks(evidence))
    against = f'<h3 class="sub">What speaks against it, or is not known</h3>{_list(found)}' if found else ""
    quoted = f'<dl class="quotes">{quotes}</dl>' if quotes else ""
    return _section("people", "What a yes changes for people", f"{_list(people(evidence))}{quoted}{against}")


def _gates(evidence: Evidence) -> str:
    since = f" Figures of {evidence.since} to {evidence.as_of} (UTC)." if evidence.as_of else ""
    held = f" Held against {', '.join(evidence.production)}." if evidence.production else ""
    intro = f"{verdicts(evidence)}{held}{since}"
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
        f"</h4><p>{escape(gate.sentence)}</p>{picture}{_details(gate)}</article>"
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
        *((name.replace("_", " "), f"{value:g}") for name, value in sorted(golden.figures.items())),
    ]
    return _section(
        "golden", "Golden set", table("Result of the golden set", ("What", "Found"), rows, texts=2)
    )


def _changes(changes: tuple[ConfigChange, ...]) -> str:
    if not changes:
        words = "<p>The configuration is the one that production has.</p>"
        return _section("configuration", "Configuration", words)
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(visible(change.path))}</code></th>'
        f"<td>{_value(change.before, 'del')}</td><td>{_value(change.after, 'ins')}</td></tr>"
        for change in changes
    )
    inner = (
        '<div class="scroll" tabindex="0" role="region" aria-label="Configuration">'
        '<table class="changes"><thead><tr><th scope="col">Place</th><th scope="col">Production</th>'
        '<th scope="col">This variant</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )
    return _section("configuration", "What differs in the configuration", inner)


def _value(text: str, tag: str) -> str:
    if not text:
        return '<span class="absent">absent</span>'
    cut = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({len(text):,} characters)"
    return f'<{tag} dir="auto"><code>{escape(visible(cut))}</code></{tag}>'
