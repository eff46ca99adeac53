"""The document of figures: a benchmark that is run alone must not lose what the others found."""

from tests.benchmarks.figures import Result, Row
from tests.benchmarks.machine import Machine
from tests.benchmarks.report import as_json, for_terminal, merged, section

ORDER = ("quick", "slow", "load")
MACHINE = Machine(
    cores=2,
    memory_gib=8,
    system="Linux on x86_64",
    python="CPython 3.11.7",
    date="2026-11-21",
    busy=0.5,
)
RESULT = Result(
    title="a quick thing",
    floor="nothing at all",
    rows=(
        Row(what="`a` | b", value=12.34, unit="ms", floor=10, most_times_floor=1.2),
        Row(what="plain", value=3, unit="turns"),
    ),
    notes=("Warm.",),
    failures=("1 turn was lost",),
)


def test_a_section_says_what_was_measured_against_what_and_where() -> None:
    """Somebody else must be able to tell whether a figure is theirs to compare with."""
    assert section("quick", RESULT, MACHINE) == (
        "## `quick`: a quick thing\n"
        "\n"
        "Floor: nothing at all.\n"
        "\n"
        "| measured | value | floor | ratio | budget | met |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| `a` \\| b | 12.3 ms | 10 ms | 1.23 × | ≤ 1.2 × | **no** |\n"
        "| plain | 3 turns |  |  |  |  |\n"
        "\n"
        "- Warm.\n"
        "\n"
        "- **Failed:** 1 turn was lost\n"
        "\n"
        "*2026-11-21, 2 cores, 8 GiB, Linux on x86_64, CPython 3.11.7; load average 0.5 when it began*\n"
    )


def test_sections_of_other_benchmarks_are_kept_in_the_order_of_the_catalogue() -> None:
    """`./run bench slow` writes one section between two that stay as they were."""
    first = merged("", {"load": "## `load`: old\n\nl\n", "quick": "## `quick`: old\n\nq\n"}, ORDER)
    second = merged(first, {"slow": "## `slow`: new\n\ns\n"}, ORDER)
    third = merged(second, {"quick": "## `quick`: newer\n\nqq\n"}, ORDER)

    assert first.startswith("# Benchmarks\n")
    assert third[third.index("## ") :] == (
        "## `quick`: newer\n\nqq\n\n## `slow`: new\n\ns\n\n## `load`: old\n\nl\n"
    )
    assert third[: third.index("## ")] == first[: first.index("## ")]


def test_writing_the_same_section_again_changes_nothing() -> None:
    """Otherwise every run would add blank lines to the difference that somebody reviews."""
    text = section("slow", RESULT, MACHINE)
    once = merged("", {"slow": text}, ORDER)

    assert merged(once, {"slow": text}, ORDER) == once


def test_a_benchmark_that_is_gone_leaves_no_figures_behind() -> None:
    """Nobody could measure them again."""
    before = merged("", {"quick": "## `quick`: old\n"}, ORDER)

    assert "quick" not in merged(before, {}, ("slow", "load"))


def test_the_terminal_shows_budgets_and_failures() -> None:
    """Whoever waits for the benchmark reads the verdict there, not in a file."""
    shown = for_terminal("quick", RESULT)

    assert "a | b     12.3 ms" in shown
    assert "FAILED: 1 turn was lost" in shown
    assert "*" not in shown


def test_json_has_figures_and_verdicts() -> None:
    """A script that follows the figures must not have to compute a verdict by rules of its own."""
    (found,) = as_json([("quick", RESULT, MACHINE)])

    assert found["benchmark"] == "quick"
    assert found["machine"]["cores"] == 2
    assert found["rows"][0]["ratio"] == 1.234
    assert found["rows"][0]["met"] is False
    assert found["rows"][1]["met"] is None
    assert found["failures"] == ["1 turn was lost"]
