"""Velocity as API Gateway runs it, where that differs from a Python programmer's expectation."""

from __future__ import annotations

from typing import Any

import pytest

from local.emulator import velocity

NAMES: dict[str, Any] = {
    "map": {"a": 1, "Retry-After": "60", "b": {"c": [True, None, "x"]}},
    "list": ["a", "b"],
    "text": "it's \\'quoted\\'",
    "yes": True,
    "no": False,
    "empty": "",
    "number": 5,
    "null": None,
    "absent": velocity.ABSENT,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$map", "{a=1, Retry-After=60, b={c=[true, null, x]}}"),
        ("$list $yes $number", "[a, b] true 5"),
        ("$map.b.c[2] $map['a'] $map.get('a') ${map.a}b", "x 1 1 1b"),
        ("$map.Retry-After", "60"),
        ("$unknown $!unknown $map.nope", "$unknown  $map.nope"),
        ("[$absent]", "[]"),
    ],
)
def test_references_print_as_in_java(template: str, expected: str) -> None:
    """A printed map is no JSON, so a template that relies on that must not pass here."""
    assert velocity.render(template, NAMES) == expected


def test_a_backslash_in_a_literal_is_a_backslash() -> None:
    """The regular expression in replaceAll("\\\\'", "'") needs both of its backslashes."""
    assert velocity.render("""$text.replaceAll("\\\\'", "'")""", NAMES) == "it's 'quoted'"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("""$text.replace("\\'", "")""", "it's quoted"),
        ("""#set($q = "say ""hi"" $number")$q""", 'say "hi" 5'),
        ("""#set($q = 'it''s $number')$q""", "it's $number"),
        ("""#set($q = "a\\nb")$q""", "a\\nb"),
        ("$list.size() $map.containsKey('a') $map.keySet()", "2 true [a, Retry-After, b]"),
        ("#foreach($item in $list)$item#if($foreach.hasNext),#end#end", "a,b"),
        ("$empty.length() $text.substring(0, 2) $text.contains('its')", "0 it false"),
        ("""$text.replaceAll("(it)'(s)", "$1 i$2").substring(0, 5)""", "it is"),
        ("#set($sum = $number + 1)$sum #set($joined = $number + 'x')$joined", "6 5x"),
    ],
)
def test_literals_and_methods(template: str, expected: str) -> None:
    """What the project's templates may use."""
    assert velocity.render(template, NAMES) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$yes", True),
        ("$no", False),
        ("$null", False),
        ("$unknown", False),
        ("$absent", False),
        ("$empty", True),  # Velocity 1.7: compare with "" instead
        ('$empty == ""', True),
        ('$absent == ""', True),
        ('$null == ""', False),
        ('$number == "5"', True),
        ('$number != "5"', False),
        ('$yes && $text != "x"', True),
        ("!$no || $no", True),
    ],
)
def test_conditions_follow_velocity_1_7(condition: str, expected: bool) -> None:
    """Only null and false are false; values of different types compare by their texts."""
    assert velocity.render(f"#if({condition})yes#{{else}}no#end", NAMES) == ("yes" if expected else "no")


def test_assigning_null_keeps_the_old_value() -> None:
    """A missing field does not clear a variable in Velocity 1.7, which surprises everybody once."""
    assert velocity.render("#set($x = 1)#set($x = $null)$x", NAMES) == "1"


def test_python_attributes_are_out_of_reach() -> None:
    """A template must not work here by a method that only Python has."""
    assert velocity.render("$!text.title() $!text.__class__ $!map.items()", NAMES) == "  "


@pytest.mark.parametrize("template", ["#if($yes) no end", "#set($x = )", "$text.substring('a')"])
def test_a_template_that_cannot_be_rendered_says_so(template: str) -> None:
    """API Gateway answers 500 for these; the message names the expression and never a value."""
    with pytest.raises(velocity.TemplateError) as raised:
        velocity.render(template, NAMES)
    assert "quoted" not in str(raised.value)


def test_values_are_never_parsed_as_templates() -> None:
    """Rendering is one pass: what a person wrote stays what it is."""
    hostile = "#set($x = 1)$number #if($yes)x#end ## ${list} #[[y]]#"
    assert velocity.render("$hostile", {**NAMES, "hostile": hostile}) == hostile
