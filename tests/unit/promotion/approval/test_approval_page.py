"""The page: one document, safe with whatever operators write, and readable without sight of its pictures."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.promotion.charts import answers, interval, latencies
from silent_infinity.domain.promotion.evidence import ConfigChange, GateResult, Group, Verdict
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.promotion.page import State, View, page, response
from silent_infinity.domain.promotion.page_form import cleaned
from tests.support.approvals import ANA, BEN, Asking, evidence, states

VOID = {"meta", "input", "img", "br", "wbr"}
ADDRESSES = {"src", "href", "action", "formaction", "srcset", "data", "xlink:href", "poster", "background"}


class Document(HTMLParser):
    """The elements of a page with their attributes, the text outside the style, and what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


STATES = states()
PAGES = {name: html for name, html in STATES.items() if not name.endswith("mail")}
WITHOUT_PICTURES = {"crisis", "one-of-two", "second-of-two", "expired", "tampered"}
"""A golden set has no distribution, and whoever may not decide sees no evidence."""


def _number(element: dict[str, str | None], name: str) -> float:
    return float(element[name] or "")


def _asked(name: str = "canary", **changes: Any) -> Asking:
    asking = Asking(evidence(name, **changes))
    asking.ask()
    return asking


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_whole_and_loads_nothing(name: str) -> None:
    """A page that fetched anything would tell others that somebody is deciding, and when."""
    document = Document(PAGES[name])

    assert document.open == []
    assert {tag for tag, _ in document.elements}.isdisjoint({"script", "link", "iframe", "img", "object"})
    assert not re.search(r"url\(|@import", PAGES[name].partition("</style>")[0])
    for _, found in document.elements:
        assert not any(key.startswith("on") or key == "style" for key in found)
        assert all((found[key] or "").startswith("#") for key in ADDRESSES & set(found))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_can_be_found_ones_way_in_by_ear(name: str) -> None:
    """One main part, one first heading, headings without a gap, every section and every field named."""
    document = Document(PAGES[name])
    ids = [found["id"] for _, found in document.elements if "id" in found]
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch("h[1-6]", tag)]
    labels = {found.get("for") for found in document.all("label")}

    assert document.all("html")[0]["lang"] == "en"
    assert len(document.all("main")) == levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(set(ids)) == len(ids)
    assert all(found["aria-labelledby"] in ids for found in document.all("section"))
    assert all(found["id"] in labels for found in document.all("textarea"))
    assert all(found["href"] in {f"#{one}" for one in ids} for found in document.all("a"))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_picture_says_what_it_shows(name: str) -> None:
    """Whoever cannot see a picture decides on the same evidence."""
    pictures = Document(PAGES[name]).all("svg")

    assert bool(pictures) == (name not in WITHOUT_PICTURES)
    for found in pictures:
        assert found["role"] == "img"
        assert re.search(r": .*[0-9]", found["aria-label"] or "")


def test_the_policy_allows_this_style_and_a_form_to_itself() -> None:
    """A policy that allowed any style or script would be no second line behind the escaping."""
    found = response(View(State.TAMPERED, "prod"))
    style = re.search(r"<style>(.*?)</style>", found.body, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()

    assert found.headers["Content-Security-Policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    assert found.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in found.headers["X-Robots-Tag"]


def test_what_an_operator_wrote_is_shown_as_it_was_written() -> None:
    """Markup in a description, a reason or a configuration is text, also where it closes what it is in."""
    document = Document(PAGES["hostile"])

    assert "<script>alert(1)</script>" in document.text
    assert "</textarea></style>" in document.text
    assert document.text.count("onerror=alert(1)") >= 10
    assert "\\u202e" in document.text
    assert "\u202e" not in PAGES["hostile"]


PLACES = ["reason", "description", "sentence", "title", "path", "value", "decision", "typed"]
MARKUP = "<b onclick=x>&lt;i&gt;</p></textarea></title></style><script>1</script>\"'><u>"


def _elements(words: str, place: str) -> list[tuple[str, list[str]]]:
    """Return the elements and their attributes' names of a page that has the words in a place."""
    fields: dict[str, Any] = {}
    if place in {"reason", "description"}:
        fields[place] = f"x{words}"
    elif place in {"sentence", "title"}:
        said: dict[str, Any] = {"sentence": "x", "title": "x"} | {place: f"x{words}"}
        gate = GateResult("own", group=Group.SAFETY, verdict=Verdict.PASSED, **said)
        fields["gates"] = (*evidence().gates, gate)
    elif place in {"path", "value"}:
        change = {"path": "/a", "before": "1", "after": "2"}
        change["path" if place == "path" else "after"] = f"x{words}"
        fields["changes"] = (ConfigChange(**change),)
    asking = _asked(**fields)
    shown = asking.show()
    if place == "decision":
        shown = asking.decide(reason=f"ten letters {words}")
    elif place == "typed":
        shown = asking.decide(choice="", reason=f"ten letters {words}")
    return [(tag, list(found)) for tag, found in Document(shown.body).elements]


@pytest.mark.parametrize("place", PLACES)
def test_markup_stays_text_wherever_words_are_taken(place: str) -> None:
    """One place that was forgotten is enough to have an approver's click made for them."""
    assert _elements(MARKUP, place) == _elements("", place)


@settings(max_examples=40, deadline=None)
@given(st.text("<>&\"'/=ab \n", max_size=40) | st.text(max_size=80), st.sampled_from(PLACES))
def test_no_text_becomes_markup(text: str, place: str) -> None:
    """Whatever stands wherever words are taken: the page has the same elements as with a plain word."""
    assert _elements(text, place) == _elements("", place)


@given(st.text(max_size=200))
def test_a_reason_keeps_what_can_be_read_and_stored(text: str) -> None:
    """Marks that turn the direction or cannot be seen would have the audit log read otherwise."""
    found = cleaned(text)

    assert cleaned(found) == found
    assert all(one == "\n" or one.isprintable() for one in found)
    found.encode()


def test_a_link_with_an_answer_preselects_it_and_nothing_else() -> None:
    """The answer in the link is a convenience: what counts is what is sent."""
    asking = _asked()
    chosen = {
        answer: [
            one["value"] for one in Document(asking.show(d=answer).body).all("input") if "checked" in one
        ]
        for answer in ("approve", "reject", "both", "")
    }

    assert chosen == {"approve": ["approve"], "reject": ["reject"], "both": [], "": []}


def test_a_form_is_there_only_while_somebody_can_decide() -> None:
    """Whoever sees a form believes that it does something."""
    with_form = {name for name, html in PAGES.items() if Document(html).all("form")}

    assert with_form == {
        "asked",
        "approve-chosen",
        "incomplete",
        "crisis",
        "second-of-two",
        "hostile",
    }


@pytest.mark.parametrize("name", ["tampered", "expired"])
def test_a_dead_link_shows_no_evidence(name: str) -> None:
    """A link in an old mailbox is not a way to the configuration."""
    document = Document(PAGES[name])

    assert "prompts/system" not in document.text
    assert "Warmer wording" not in document.text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_end_of_a_promotion_has_its_sentence(outcome: Outcome) -> None:
    """An approver who comes back reads what became of it."""
    asking = _asked()
    asking.decide()
    asking.close(outcome)
    text = Document(asking.show(BEN).body).text

    assert "being carried out" not in text
    assert "said yes" in text


def test_who_asked_is_named_by_address_where_it_is_known() -> None:
    """A person decides better on what a colleague asked for than on a number."""
    asking = _asked(requested_by=f"operator:{ANA.subject}")
    known = Document(asking.show(BEN).body).text
    asking.approvers.approvers.remove(ANA)
    unknown = Document(asking.show(BEN).body).text

    assert "Asked byana@example.test" in known
    assert "Asked byoperator 3f2a91c4" in unknown


numbers = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(
    st.sampled_from(list(Verdict)),
    st.sampled_from(["share", "usd", "ms", "points"]),
    st.lists(numbers, min_size=6, max_size=6),
)
def test_a_picture_can_be_drawn_of_any_gate(verdict: Verdict, unit: str, found: list[float | None]) -> None:
    """A bound that is not known, or all of them at one place, must not cost the approver the page."""
    names = ("estimate", "low", "high", "threshold", "arm_value", "production_value")
    figures: dict[str, Any] = dict(zip(names, found, strict=True))
    gate = GateResult("own", "Title", Group.PRIMARY, verdict, "Sentence.", unit=unit, **figures)
    drawn = interval(gate)

    assert (drawn == "") == (found[0] is None or (found[1] is None and found[2] is None))
    if drawn:
        for _, found_there in Document(drawn).elements:
            for side in ("x1", "x2", "cx", "x"):
                assert -1 <= float(found_there.get(side) or 0) <= 461


@pytest.mark.parametrize(
    ("verdict", "estimate", "threshold", "side"),
    [
        (Verdict.PASSED, 0.02, -0.05, "left"),
        (Verdict.FAILED, -0.09, -0.05, "left"),
        (Verdict.NOT_ENOUGH_DATA, -0.01, -0.05, "left"),
        (Verdict.PASSED, 0.02, 0.2, "right"),
        (Verdict.FAILED, 0.3, 0.2, "right"),
    ],
)
def test_the_ground_beyond_the_limit_lies_where_it_is_worse(
    verdict: Verdict, estimate: float, threshold: float, side: str
) -> None:
    """A picture that marks the wrong side says the opposite of the sentence beside it."""
    gate = GateResult(
        "own",
        "Title",
        Group.GUARDRAIL,
        verdict,
        "Sentence.",
        unit="share",
        estimate=estimate,
        low=estimate - 0.02,
        high=estimate + 0.02,
        threshold=threshold,
        arm_value=0.7,
        production_value=0.7 - estimate,
    )
    drawn = Document(interval(gate))
    beyond = next(one for one in drawn.all("rect") if one["class"] == "beyond")
    limit = next(one for one in drawn.all("line") if one["class"] == "limit")
    left = _number(beyond, "x")
    edge = left + _number(beyond, "width") if side == "left" else left

    assert edge == pytest.approx(_number(limit, "x1"), abs=0.2)
    assert (_number(drawn.all("circle")[0], "cx") > edge) == (
        (side == "left") == (verdict is not Verdict.FAILED)
    )


def test_distributions_are_shares_of_their_own_number() -> None:
    """Production has twenty times the sessions: counts would hide the variant."""
    drawn = answers("NPS", {"arm": {"9": 1, "10": 1}, "production": {"9": 100, "10": 100}})
    bars = [one for one in Document(drawn).all("rect") if one["height"] != "11"]
    tall = [one["height"] for one in bars if _number(one, "height") > 0]

    assert len(tall) == 4
    assert len(set(tall)) == 1


@given(
    st.dictionaries(st.integers(0, 400).map(str), st.integers(1, 9), max_size=30),
    st.dictionaries(st.integers(0, 400).map(str), st.integers(1, 9), max_size=30),
)
def test_times_of_any_spread_fit_the_picture(arm: dict[str, int], production: dict[str, int]) -> None:
    """One reply that took minutes must not push the others out of the picture."""
    drawn = latencies("Time", {"arm": arm, "production": production})

    assert (drawn == "") == (not arm and not production)
    if drawn:
        for bar in Document(drawn).all("rect"):
            assert 0 <= _number(bar, "x") <= 461
            assert _number(bar, "y") >= 0


def test_the_same_view_is_the_same_page() -> None:
    """Nothing on it depends on when it was made, so that what was seen can be seen again."""
    view = View(State.UNKNOWN, "prod")

    assert page(view) == page(view)
    assert _asked().show().body == _asked().show().body


@pytest.mark.parametrize("ground", ["paper", "card"])
@pytest.mark.parametrize(
    ("colour", "least"),
    [("ink", 7), ("soft", 4.5), ("blue", 4.5), ("good", 4.5), ("bad", 4.5), ("doubt", 4.5), ("edge", 3)],
)
def test_words_and_edges_stand_out_from_their_ground(colour: str, least: float, ground: str) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11, by day and in the dark: a verdict that cannot be read is none."""
    style = PAGES["asked"].partition("<style>")[2].partition("</style>")[0]
    dark = "".join(
        re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", style, re.DOTALL)
    )
    light = "".join(re.findall(r"^:root \{(.*?)\}", style, re.DOTALL | re.MULTILINE))

    for tokens in (light, dark):
        named = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", tokens))
        assert _contrast(named[colour], named[ground]) >= least


def _contrast(one: str, other: str) -> float:
    """Return the ratio of two colours' relative luminances (WCAG 2.2)."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(("by", "same"), [("operator:0a1b2c3d", True), ("operator:99999999-ffff", False)])
def test_the_page_says_whose_word_a_golden_result_is(by: str, same: bool) -> None:
    """Crisis categories have no other evidence, and whoever asks may have recorded it themselves."""
    document = evidence("crisis", requested_by="operator:0a1b2c3d")
    assert document.golden is not None
    asking = Asking(replace(document, golden=replace(document.golden, recorded_by=by)))
    asking.ask()
    body = asking.show().body

    assert f"by {by.replace(':', ' ')[:17]}" in body
    assert ("who also asked for the promotion" in body) is same
