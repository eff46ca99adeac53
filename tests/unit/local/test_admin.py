"""`./run admin` over the real operators' API with stores in memory: what is sent, said, and left undone."""

import json
import re
from datetime import date
from typing import Any

import httpx
import pytest

from local.cli import admin_work
from local.cli.__main__ import main
from local.cli.admin_api import TRIES, AdminApi
from local.cli.admin_target import Target
from silent_infinity.domain.lake.histograms import Histogram, bin_of, value_of
from silent_infinity.domain.variant_sums import DayOfVariant, Sums
from tests.support.operators_http import TOKEN, ApiInProcess
from tests.unit.admin.conftest import World

REASON = "Because the test says so."
WHY = ("--reason", REASON)
FIXED = "COMPOSE_POSITION/top-fixed"  # staged at 0 %
TO_PRODUCTION = ("promote", FIXED, "--confirm")
PILL = "COMPOSE_POSITION/bottom-pill"  # production
FLOW = "CRISIS_FLOW_MODEL/claude-opus-4-7"  # experimental at 0 %, critical

pytestmark = pytest.mark.filterwarnings("error")


class Terminal:
    """Runs commands against an API in this process, and keeps what was printed."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self.http = ApiInProcess(world.handle)
        self.pauses: list[float] = []
        self.target = Target("local", "http://api/stage", lambda: TOKEN, local=True)
        self._capsys = capsys
        self.out = self.err = ""

    def api(self) -> AdminApi:
        """The API as the commands get it."""
        return AdminApi(self.target, transport=self.http, sleep=self.pauses.append)

    def run(self, *words: str) -> int:
        """Run `./run admin …`; returns the exit code."""
        try:
            code = main(["admin", *words])
        except SystemExit as ended:
            code = int(str(ended.code))
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: str) -> Any:
        """Run a command with --json; returns what it printed, parsed."""
        self.run(*words, "--json")
        return json.loads(self.out)

    def state(self, name: str) -> tuple[str, float, int]:
        """Return a variant's status, rollout and version."""
        category, _, variant_id = name.partition("/")
        record = self.world.store.records[category, variant_id]
        return record.status, record.rollout_percent, record.version

    def changes(self) -> list[httpx.Request]:
        """Return the requests that change something."""
        return [request for request in self.http.requests if request.method != "GET"]


@pytest.fixture
def terminal(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 80 columns whose input is nobody."""
    made = Terminal(world, capsys)
    monkeypatch.setattr(admin_work, "connect", lambda _context, _arguments: made.api())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    return made


@pytest.fixture
def world() -> World:
    """A registry in which nothing has happened yet."""
    return World()


def test_the_list_has_every_variant_by_category(terminal: Terminal) -> None:
    """83 of them: the forty that share production are one row, and retired ones are counted only."""
    assert terminal.run("variants", "list") == 0
    lines = terminal.out.splitlines()

    assert ["claude-haiku-4-5", "canary", "20", "%", "██········", "running"] in map(str.split, lines)
    assert any(line.split()[:3] == ["(40", "variants)", "production"] for line in lines)
    assert "v1-sha-baseline" not in terminal.out
    assert "Variants: 83. Experiments that run: 1." in terminal.out
    assert "Retired, and shown with --all: 1." in terminal.out
    assert max(map(len, lines)) <= 80
    assert {line.index("%") for line in lines if "%" in line} == {lines[1].index("%")}


def test_pages_are_put_together(terminal: Terminal) -> None:
    """The API gives a hundred at once; nobody should have to know."""
    for number in range(20):
        name = f"STARTER_POOL_SIZE/n{number:03}"
        size = json.dumps({"size": 5})
        assert terminal.run("variants", "create", name, "--description", "d", "--config", size, *WHY) == 0, (
            terminal.err
        )
    found = terminal.json("variants", "list", "--all")["variants"]

    assert len(found) == len({(each["category"], each["variant_id"]) for each in found}) == 104
    terminal.run("variants", "list", "--all")
    assert terminal.out.count("\n  n0") == 20


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--category", "voice_llm"], ["haiku", "opus", "sonnet"]),
        (["--status", "canary"], ["claude-haiku-4-5"]),
        (["--running"], ["claude-haiku-4-5"]),
        (["--status", "retired"], ["v1-sha-baseline"]),
        (["--category", "VOICE_LLM", "--status", "staged"], ["haiku"]),
    ],
    ids=" ".join,
)
def test_filters_are_the_apis(terminal: Terminal, filters: list[str], expected: list[str]) -> None:
    """What is filtered out is not even sent."""
    found = terminal.json("variants", "list", *filters)["variants"]

    assert [each["variant_id"] for each in found] == expected


def test_production_says_what_arms_leave_it(terminal: Terminal) -> None:
    """100 % beside 20 % would leave the reader to wonder who gets what."""
    assert terminal.run("variants", "list", "--category", "SMALL_TALK_MODEL") == 0
    assert re.search(r"claude-sonnet-4-6 +production +100 % .*serves 80 %, as arms run", terminal.out)
    assert terminal.run("variants", "list", "--category", "VOICE_LLM") == 0
    assert "serves" not in terminal.out


def test_a_variant_is_shown_whole(terminal: Terminal) -> None:
    """Stage, buckets, configuration, figures beside production's, and its last changes."""
    for variant_id in ("claude-sonnet-4-6", "claude-haiku-4-5"):
        day = DayOfVariant(
            "SMALL_TALK_MODEL",
            variant_id,
            date(2026, 11, 20),
            {"completion_rate": Sums("rate", 1200, 1032), "latency_ms": Sums("mean", 1200, 1_234_000.0, 2e9)},
            histograms={"latency_ms": Histogram({bin_of(900): 1000, bin_of(4000): 200})},
        )
        terminal.world.metrics.put(day)

    assert terminal.run("variants", "show", "SMALL_TALK_MODEL/claude-haiku-4-5") == 0
    assert re.search(r"rollout +20 % +██········ +an experiment that runs", terminal.out)
    assert re.search(r"buckets +0-1999 of 10,000", terminal.out)
    assert re.search(r"has to hold +completion_rate_drop_max: 0.05", terminal.out)
    assert re.search(r"completion_rate +1,200 +86.00 % +1,200 +86.00 %", terminal.out)
    assert re.search(r"latency_ms +1,200 +1,028", terminal.out)
    median, slow = f"{value_of(bin_of(900)):.4g}", f"{value_of(bin_of(4000)):,.0f}"
    assert re.search(rf"latency_ms p50 +{median} +{median}", terminal.out)
    assert re.search(rf"latency_ms p95 +{slow} +{slow}", terminal.out)
    assert "#1  create: canary at 20 %" in terminal.out
    assert max(map(len, terminal.out.splitlines())) <= 80


def test_an_id_that_one_category_has_needs_no_category(terminal: Terminal) -> None:
    """`show drill-down` is what people type."""
    assert terminal.json("variants", "show", "drill-down")["category"] == "TOPIC_HIERARCHY"

    assert terminal.run("variants", "show", "claude-haiku-4-5") == 1
    assert "  LLM_MODEL/claude-haiku-4-5\n" in terminal.err
    assert terminal.run("variants", "show", "nobody") == 1
    assert "No variant has the id nobody." in terminal.err


def test_a_category_may_be_typed_in_small_letters(terminal: Terminal) -> None:
    """Ids may not: `b` and `B` are two variants."""
    assert terminal.json("variants", "show", "topic_hierarchy/tabs")["variant_id"] == "tabs"
    assert terminal.run("variants", "show", "topic_hierarchy/TABS") == 1


def test_a_change_goes_from_before_to_after_and_says_how_to_undo_it(terminal: Terminal) -> None:
    """The command that is printed takes it back."""
    assert terminal.run("variants", "update", FIXED, "--rollout", "5", *WHY) == 0
    assert "staged at 0 %, version 1" in terminal.out
    assert "staged at 0 % -> staged at 5 %, version 2" in terminal.out
    assert terminal.state(FIXED) == ("staged", 5, 2)

    follow(terminal)
    assert terminal.state(FIXED) == ("staged", 0, 3)


def follow(terminal: Terminal) -> None:
    """Type the command that undoes the last change."""
    (command,) = [line.strip() for line in terminal.out.splitlines() if line.startswith("    ./run")]
    words = command.removesuffix(" --reason …").split()
    assert words[:2] == ["./run", "admin"]
    assert terminal.run(*words[2:], *WHY) == 0, terminal.err


@pytest.mark.parametrize(
    ("before", "command", "after"),
    [
        pytest.param([], ["update", FIXED, "--rollout", "5"], ("staged", 0), id="a ramp"),
        pytest.param([["update", FIXED, "--rollout", "3"]], ["pause", FIXED], ("staged", 3), id="a pause"),
        pytest.param([], ["promote", FIXED], ("staged", 0), id="a promotion that is asked for"),
        pytest.param(
            [
                ["promote", FIXED, "--rollout", "25"],
                [],
                ["promote", FIXED, "--rollout", "60", "--confirm"],
                [],
            ],
            ["update", FIXED, "--rollout", "90", "--confirm"],
            ("production", 60),
            id="a large step of a ramp",
        ),
        pytest.param(
            [["update", FIXED, "--rollout", "5"]], ["rollback", FIXED], ("staged", 5), id="a rollback"
        ),
    ],
)
def test_what_is_printed_undoes_it(
    terminal: Terminal, before: list[list[str]], command: list[str], after: tuple[str, float]
) -> None:
    """Also where the way back is a large step, or another verb."""
    for words in [*before, command]:
        if words:
            assert terminal.run("variants", *words, *WHY) == 0, terminal.err
        else:
            terminal.world.approve(FIXED)

    follow(terminal)
    assert terminal.state(FIXED)[:2] == after


def test_a_step_within_production_tells_who_steps_down(terminal: Terminal) -> None:
    """Two rows change in one step; an operator has to see both."""
    for rollout in ("25", "60"):
        terminal.run("variants", "promote", FIXED, "--rollout", rollout, "--confirm", *WHY)
        terminal.world.approve(FIXED)
    assert terminal.run("variants", "update", FIXED, "--rollout", "100", "--confirm", *WHY) == 0

    assert f"{PILL}: step down, canary at 0 %" in terminal.out
    assert terminal.http.bodies("PUT")[-1] == {"rollout_percent": 100.0, "confirm": True, "reason": REASON}


def test_a_critical_change_waits_and_can_be_cancelled(terminal: Terminal) -> None:
    """For five minutes it is seen, with the seconds that are left, and dropped by the printed command."""
    assert terminal.run("variants", "promote", FLOW, "--rollout", "0", *WHY) == 0
    assert "Waits for its cooldown: in force from 2026-11-21 09:05:00Z." in terminal.out
    promised = terminal.out

    terminal.world.clock.advance(100)
    terminal.run("variants", "list", "--category", "CRISIS_FLOW_MODEL")
    assert "promote in 200 s" in terminal.out
    terminal.run("variants", "show", FLOW)
    assert "promote to staged in 200 s, at 2026-11-21 09:05:00Z" in terminal.out
    assert "waits to become staged, in force from 2026-11-21 09:05:00Z" in " ".join(terminal.out.split())

    terminal.out = promised
    follow(terminal)
    assert terminal.json("variants", "show", FLOW)["cooldown"] is None


def test_a_promotion_that_needs_a_yes_is_asked_for(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing has changed yet, and that is what has to be said."""
    assert terminal.run("variants", "promote", FIXED, *WHY) == 0
    assert "Asked for: it is made when the evidence is in and a person has said yes." in terminal.out
    assert terminal.state(FIXED)[:2] == ("staged", 0)
    said = terminal.out

    assert terminal.run("promotions") == 0
    assert "staged -> canary at 10 %  awaiting evidence" in terminal.out
    assert [one["reason"] for one in terminal.json("promotions")["promotions"]] == [REASON]
    assert terminal.run("promotions", "--status", "approved") == 0
    assert terminal.out == "  No promotions.\n"

    terminal.out = said
    follow(terminal)
    assert terminal.json("variants", "show", FIXED)["promotion_id"] is None


def test_a_variant_is_created_and_retired(terminal: Terminal, tmp_path: Any) -> None:
    """From a file too: configurations are long."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"size": 6}), encoding="utf-8")
    words = ["STARTER_POOL_SIZE/6", "--description", "Six topics", "--config", f"@{config}", "--parent", "7"]
    assert terminal.run("variants", "create", *words, *WHY) == 0
    assert "Created: experimental at 0 %, version 1." in terminal.out
    created = terminal.json("variants", "show", "STARTER_POOL_SIZE/6")
    assert (created["config"], created["parent_variant_id"]) == ({"size": 6}, "7")

    assert terminal.run("variants", "update", "STARTER_POOL_SIZE/6", "--retire", *WHY) == 0
    assert "experimental at 0 % -> retired at 0 %" in terminal.out
    assert "Retiring is for good." in terminal.out


def test_the_version_that_was_read_is_the_one_that_is_changed(terminal: Terminal) -> None:
    """Between reading and writing somebody else may have changed it; --version is for an earlier reading."""
    terminal.run("variants", "update", FIXED, "--rollout", "2", *WHY)
    assert terminal.changes()[-1].headers["If-Match"] == '"1"'

    assert terminal.run("variants", "update", FIXED, "--rollout", "3", "--version", "1", *WHY) == 1
    assert terminal.changes()[-1].headers["If-Match"] == '"1"'
    assert "The variant has changed since it was read." in terminal.err
    assert terminal.state(FIXED) == ("staged", 2, 2)


def test_every_command_has_a_key_of_its_own(terminal: Terminal) -> None:
    """Else the second of two equal changes would be answered with the first."""
    for percent in ("2", "3", "2"):
        assert terminal.run("variants", "update", FIXED, "--rollout", percent, *WHY) == 0

    assert len({request.headers["Idempotency-Key"] for request in terminal.changes()}) == 3
    assert terminal.state(FIXED) == ("staged", 2, 4)


def test_an_answer_that_was_lost_is_asked_for_under_the_same_key(terminal: Terminal) -> None:
    """The change was made: it must not be made twice, and the operator must learn of it."""

    def lose() -> None:
        raise httpx.ReadTimeout("lost")

    terminal.http.failing = [503, 503, httpx.ConnectError("gone")]
    assert terminal.run("variants", "show", FIXED) == 0
    terminal.http.requests.clear()

    terminal.http.failing = [None, lose]
    assert terminal.run("variants", "update", FIXED, "--rollout", "5", "--key", "k", *WHY) == 0

    assert "This was done before, under the same key; it was not done again." in terminal.out
    assert [request.headers["Idempotency-Key"] for request in terminal.changes()] == ["k", "k"]
    assert terminal.state(FIXED) == ("staged", 5, 2)


def test_an_api_that_does_not_answer_is_given_up(terminal: Terminal) -> None:
    """With the key, so that the same change can be asked for again later."""
    terminal.http.failing = [None, *[httpx.ConnectTimeout("silence")] * TRIES]
    code = terminal.run("variants", "pause", FIXED, "--key", "mine", *WHY)

    assert code == 1
    assert len(terminal.changes()) == TRIES
    assert terminal.pauses == [0.5, 1.0, 2.0]
    assert "did not answer (ConnectTimeout)" in terminal.err
    assert "`--key mine`" in terminal.err


def test_reading_that_keeps_failing_ends_with_the_apis_words(terminal: Terminal) -> None:
    """And it pauses longer and longer in between."""
    terminal.world.store.unavailable = True

    assert terminal.run("variants", "show", FIXED) == 1
    assert "The service cannot do this at the moment." in terminal.err
    assert len(terminal.http.requests) == TRIES
    assert terminal.pauses == [5.0, 5.0, 5.0]


def test_a_refusal_is_a_title_and_what_to_do(terminal: Terminal) -> None:
    """No JSON, and the API's `confirm` in the command line's own words."""
    terminal.run("variants", "promote", FIXED, *WHY)
    terminal.world.approve(FIXED)
    terminal.world.approve(FIXED)

    assert terminal.run("variants", "promote", FIXED, "--rollout", "65", *WHY) == 1
    assert "\nA large change needs a confirmation.\nIt changes the rollout by 40 points." in terminal.err
    assert "On the command line that is --confirm." in " ".join(terminal.err.split())
    assert "urn:" not in terminal.err
    assert terminal.state(FIXED) == ("canary", 25, 4)


def test_broken_rules_are_named(terminal: Terminal) -> None:
    """Place and keyword; what was sent is not repeated."""
    words = ["STARTER_POOL_SIZE/x", "--description", "d", "--config", '{"size": "secret"}']

    assert terminal.run("variants", "create", *words, *WHY) == 1
    assert "  /config/size: type\n" in terminal.err
    assert "secret" not in terminal.err


def test_with_json_a_refusal_is_the_problem_document(terminal: Terminal) -> None:
    """For scripts: on standard output, with the exit code 1."""
    assert terminal.run("variants", "cancel", FLOW, "--json", *WHY) == 1

    assert json.loads(terminal.out)["type"] == "urn:silent-infinity:problem:nothing-pending"
    assert terminal.err == ""


def test_json_is_the_apis_own_document(terminal: Terminal) -> None:
    """Nothing else is on standard output."""
    terminal.world.clock.advance(1)
    assert terminal.json("variants", "promote", FIXED, *WHY)["outcome"] == "approval_requested"
    assert terminal.json("audit", FIXED)["entries"][-1]["reason"] == REASON
    assert terminal.json("audit", "--verify")["ok"] is True
    assert terminal.json("audit", "--limit", "3")["entries"][-1]["action"] == "request_promotion"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["variants", "promote", FIXED], id="no reason"),
        pytest.param(
            ["variants", "promote", FIXED, "--reason", "too short"], id="a reason that says nothing"
        ),
        pytest.param(["variants", "promote", FIXED, "--reason", "x" * 501], id="a reason without end"),
        pytest.param(["variants", "promote", "COMPOSE_POSITION/", *WHY], id="no id"),
        pytest.param(["variants", "promote", FIXED, "--rollout", "101", *WHY], id="more than everybody"),
        pytest.param(["variants", "promote", FIXED, "--rollout", "nan", *WHY], id="no number"),
        pytest.param(["variants", "update", FIXED, *WHY], id="nothing to change"),
        pytest.param(["variants", "update", FIXED, "--config", "{", *WHY], id="no JSON"),
        pytest.param(["variants", "update", FIXED, "--config", "[]", *WHY], id="no object"),
        pytest.param(["variants", "update", FIXED, "--config", "@/no/such/file", *WHY], id="no file"),
        pytest.param(["variants", "update", FIXED, "--version", "0", *WHY], id="no version"),
        pytest.param(
            ["variants", "create", "x", "--description", "d", "--config", "{}", *WHY], id="no category"
        ),
        pytest.param(["variants", "compare", FIXED], id="nothing to compare with"),
        pytest.param(["variants", "compare", FIXED, PILL, "--from", "yesterday"], id="no day"),
        pytest.param(["variants", "list", "--status", "old"], id="no such stage"),
        pytest.param(["variants"], id="no verb"),
        pytest.param([], id="nothing at all"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(terminal: Terminal, words: list[str]) -> None:
    """Exit code 2, a sentence, and nothing was sent that changes anything."""
    assert terminal.run(*words) == 2

    assert "error:" in terminal.err
    assert terminal.changes() == []


def test_at_a_terminal_the_reason_is_asked_for(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to know the option."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _prompt: f"  {REASON} ")

    assert terminal.run("variants", "pause", "SMALL_TALK_MODEL/claude-haiku-4-5") == 0
    assert terminal.http.bodies("POST") == [{"reason": REASON}]


def test_production_is_changed_when_the_id_was_typed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong -e is one letter away."""
    terminal.target = Target("prod", "http://api/stage", lambda: TOKEN, careful=True, flags="-e prod")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    typed = iter(["top-fixd", "top-fixed"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(typed))

    assert terminal.run("variants", "promote", FIXED, *WHY) == 1
    assert "That is not the variant's id." in terminal.err
    assert terminal.changes() == []
    assert terminal.run("variants", "promote", FIXED, *WHY) == 0
    assert terminal.state(FIXED) == ("staged", 0, 2)
    assert f"{FIXED} --reason … -e prod" in terminal.out


def test_a_script_changes_production_with_yes_only(terminal: Terminal) -> None:
    """There is nobody to ask."""
    terminal.target = Target("prod", "http://api/stage", lambda: TOKEN, careful=True)

    assert terminal.run("variants", "promote", FIXED, *WHY) == 2
    assert "--yes" in terminal.err
    assert terminal.changes() == []
    assert terminal.run("variants", "show", FIXED) == 0
    assert terminal.run("variants", "promote", FIXED, "--yes", *WHY) == 0


def test_an_operator_who_is_not_known_is_told_to_sign_in(terminal: Terminal) -> None:
    """The gateway's own answer says nothing of the command."""
    terminal.target = Target("dev", "http://api/stage", lambda: "an-old-token")

    assert terminal.run("variants", "list") == 1
    assert "./run admin sign-in" in terminal.err
    assert "an-old-token" not in terminal.err


def test_the_audit_log_reads_from_old_to_new(terminal: Terminal) -> None:
    """Of one variant and of all: who, what became of it, and why."""
    terminal.run("variants", "update", FIXED, "--rollout", "5", *WHY)
    terminal.world.clock.advance(1)
    terminal.run("variants", "pause", FIXED, *WHY)

    terminal.run("audit", FIXED)
    lines = [line.strip() for line in terminal.out.splitlines()]
    assert lines[2:] == [
        "2026-11-21 09:00:00Z  #2  update: staged at 0 % -> staged at 5 %",
        f"operator 5d6f2d3e: {REASON}",
        "2026-11-21 09:00:01Z  #3  pause: staged at 5 % -> staged at 0 %",
        f"operator 5d6f2d3e: {REASON}",
    ]
    terminal.run("audit", "--limit", "1")
    assert terminal.out.splitlines()[0] == f"  2026-11-21 09:00:01Z  {FIXED} #3  pause"
    assert [entry["sequence"] for entry in terminal.json("audit", FIXED, "--limit", "2")["entries"]] == [2, 3]


def test_a_history_that_was_tampered_with_is_shown_and_fails(terminal: Terminal) -> None:
    """For a script in the night: exit code 1."""
    assert terminal.run("audit", "--verify") == 0
    assert "The history is whole." in terminal.out
    category, _, variant_id = FIXED.partition("/")
    terminal.world.store.entries[category, variant_id].pop()

    assert terminal.run("audit", FIXED, "--verify") == 1
    assert "The history is NOT whole." in terminal.out
    assert re.search(rf"{FIXED} +#1 +truncated: missing at the end", terminal.out)
    assert terminal.run("audit", PILL, "--verify") == 0


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_comparison_fits_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """A table where there is room, blocks where there is not; the same figures, which are SciPy's."""
    monkeypatch.setenv("COLUMNS", columns)
    for variant_id, completed, units in (("claude-sonnet-4-6", 1720, 2000), ("claude-haiku-4-5", 330, 400)):
        metrics = {
            "completion_rate": Sums("rate", units, completed),
            "cost_usd_per_session": Sums("mean", units, 0.0123 * units, 0.0123**2 * units * 1.2),
        }
        terminal.world.metrics.put(DayOfVariant("LLM_MODEL", variant_id, date(2026, 11, 20), metrics))

    words = ["variants", "compare", "LLM_MODEL/claude-sonnet-4-6", "claude-haiku-4-5"]
    assert terminal.run(*words) == 0
    said = " ".join(terminal.out.split())
    assert max(map(len, terminal.out.splitlines())) <= int(columns)
    assert ("95 % interval" in said) is (columns == "120")
    for figure in ("86.00 %", "82.50 %", "-3.50 %", "-7.78 to +0.26 %", "0.0702", "2,000", "400"):
        assert figure in said
    assert "Fewer than 500 units on a side" in said
    assert "sequential test of the promotion workflow" in said
    assert terminal.json(*words, "--metric", "completion_rate")["metrics"][0]["metric"] == "completion_rate"


def test_a_comparison_without_figures_says_so(terminal: Terminal) -> None:
    """A new variant has none before the first night."""
    assert terminal.run("variants", "compare", FIXED, "bottom-pill") == 1

    assert "There are no figures of these variants in this time." in terminal.err


def test_every_command_has_its_work(terminal: Terminal) -> None:
    """A verb that is parsed and not carried out would fail before people's eyes."""
    assert terminal.run("variants", "--help") == 0
    verbs = set(re.findall(r"^    (\w+)  ", terminal.out, re.MULTILINE))
    assert terminal.run("--help") == 0
    whats = set(re.findall(r"^    ([\w-]+)(?:  |$)", terminal.out, re.MULTILINE)) - {"variants"}
    # Approvers are no matter of the operators' API: the command speaks with AWS itself.
    whats.remove("approvers")

    assert verbs | whats == {*admin_work.WORK, admin_work.SIGN_IN}
    for verb in verbs:
        assert terminal.run("variants", verb, "--help") == 0
        assert "--json" in terminal.out


HOSTILE = "\x1b[1A\x1b[2K\x9b2K \u202eedisrevo\u2066\r\n\x7f A reason."


@pytest.mark.parametrize(
    "words",
    [
        ("audit", FIXED),
        ("audit",),
        ("variants", "show", FIXED),
        ("variants", "list", "--category", "COMPOSE_POSITION"),
    ],
    ids=" ".join,
)
def test_what_operators_wrote_commands_nobodys_terminal(terminal: Terminal, words: tuple[str, ...]) -> None:
    """With an escape sequence in a reason, a change could wipe itself off the screen of whoever audits it."""
    body = {"description": HOSTILE, "reason": HOSTILE}
    terminal.world.clock.advance(60)
    terminal.world.operator.change("update", FIXED, version=1, **body)
    assert terminal.world.operator.status == 200
    assert terminal.run(*words) == 0
    printed = terminal.out
    document = terminal.json(*words)
    raw = terminal.out

    for out in (printed, raw):
        assert not re.search(r"[^\n\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205f\u2070-\uffff]", out)
    assert ("\\x1b" in printed) == ("list" not in words)
    assert any(HOSTILE in (one.get("reason"), one.get("description")) for one in _documents(document))


def _documents(document: Any) -> list[Any]:
    return document.get("entries") or document.get("variants") or [document]
