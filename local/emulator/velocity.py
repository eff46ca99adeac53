"""Apache Velocity 1.7 as API Gateway runs it: the places where airspeed's dialect differs from Java's.

Without these, a template can work locally and fail on AWS, or the reverse:

- string literals have no backslash escapes (``"\\\\'"`` is three characters, as ``replaceAll`` needs it)
  and a quote is written by doubling it;
- identifiers may contain hyphens (``$context.responseOverride.header.Retry-After``);
- maps and lists print Java style (``{a=1, b=[x, y]}``), which is not JSON; booleans print ``true`` and
  ``false``;
- ``==`` compares the text of values of different types, ``+`` joins texts, only ``null`` and ``false`` are
  false;
- assigning null does nothing;
- values have the Java methods listed here and no Python attributes.

Pure: the emulator is not needed to render a template.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

airspeed: Any = importlib.import_module("airspeed")  # untyped, hence Any


class TemplateError(Exception):
    """The template cannot be parsed or rendered. The message never contains the values that were rendered."""


class Absent(str):
    """A value that API Gateway leaves out: prints nothing, equals ``""`` and ``null``, counts as false."""


ABSENT = Absent("")


class Methods(dict[str, Callable[..., Any]]):
    """An object such as ``$input`` or ``$util``: named functions, and plain ``attributes``."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], **attributes: Any) -> None:
        super().__init__(functions)
        self.attributes = attributes


def java_text(value: Any) -> str:
    """The text that Java's ``toString`` gives for a JSON value: ``{a=1}`` for maps, ``true`` for booleans."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(java_text(item) for item in value) + "]"
    return str(value)


def is_true(value: Any) -> bool:
    """Whether ``#if`` takes its branch: only null, false and what API Gateway leaves out are false."""
    return not (value is None or value is False or isinstance(value, Absent))


def equal(left: Any, right: Any) -> bool:
    """``==``: null equals only null; values of different types are compared by their texts."""
    if isinstance(left, Absent) or isinstance(right, Absent):
        return left in (None, "") and right in (None, "")
    if left is None or right is None:
        return left is right
    return bool(left == right) if type(left) is type(right) else java_text(left) == java_text(right)


def add(left: Any, right: Any) -> Any:
    """``+``: joins when either side is a text, else adds."""
    if isinstance(left, str) or isinstance(right, str):
        return java_text(left) + java_text(right)
    return left + right


def _replacement(java: str) -> str:
    """A Java regular expression replacement (``$1``, ``\\x``) as Python writes it."""
    python = re.sub(
        r"\\(.)|\$(\d)|(\\)$", lambda m: m[1] if m[1] is not None else f"\x00{m[2]}", java, flags=re.S
    )
    return re.sub(r"\x00(\d)", r"\\g<\1>", python.replace("\\", "\\\\"))


TEXT_METHODS: dict[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda text: not text,
    "toString": lambda text: text,
    "trim": lambda text: text.strip(),
    "toUpperCase": lambda text: text.upper(),
    "toLowerCase": lambda text: text.lower(),
    "equals": lambda text, other: text == other,
    "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
    "contains": lambda text, part: part in text,
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
    "indexOf": lambda text, part: text.find(part),
    "substring": lambda text, start, end=None: text[start:end],
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, pattern, new: re.sub(pattern, _replacement(new), text),
    "replaceFirst": lambda text, pattern, new: re.sub(pattern, _replacement(new), text, count=1),
    "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
    "split": lambda text, pattern: re.split(pattern, text),
}
LIST_METHODS: dict[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda items: not items,
    "get": lambda items, index: items[index],
    "contains": lambda items, item: item in items,
    "add": lambda items, item: items.append(item) or True,
    "toString": java_text,
}
MAP_METHODS: dict[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda mapping: not mapping,
    "get": lambda mapping, key: mapping.get(key),
    "containsKey": lambda mapping, key: key in mapping,
    "keySet": list,
    "values": lambda mapping: list(mapping.values()),
    "entrySet": lambda mapping: [{"key": key, "value": value} for key, value in mapping.items()],
    "put": lambda mapping, key, value: mapping.update({key: value}),
    "toString": java_text,
}
SCALAR_METHODS: dict[str, Callable[..., Any]] = {
    "toString": java_text,
    "equals": lambda value, other: type(value) is type(other) and value == other,
}


def _methods_of(value: Any) -> dict[str, Callable[..., Any]]:
    if isinstance(value, str):
        return TEXT_METHODS
    if isinstance(value, list):
        return LIST_METHODS
    return MAP_METHODS if isinstance(value, Mapping) else SCALAR_METHODS


def _call(owner: Any, name: str, arguments: list[Any]) -> Any:
    if isinstance(owner, Methods):
        return owner[name](*arguments) if name in owner else None
    method = _methods_of(owner).get(name)
    return method(owner, *arguments) if method and owner is not None else None


def _member(owner: Any, name: str) -> Any:
    if isinstance(owner, Absent):
        return owner
    if isinstance(owner, Methods):
        return owner.attributes.get(name)
    if isinstance(owner, airspeed.LocalNamespace):
        try:
            return owner[name]
        except KeyError:
            return None
    return owner.get(name) if isinstance(owner, Mapping) else None


def _item(owner: Any, index: Any) -> Any:
    if isinstance(owner, Absent):
        return owner
    if isinstance(owner, list):
        return owner[index] if isinstance(index, int) and -1 < index < len(owner) else None
    return owner.get(index) if isinstance(owner, Mapping) else None


def _name_or_call(self: Any, owner: Any, loader: Any, namespace: Any) -> Any:
    if self.parameters is not None:
        return _call(owner, self.name, self.parameters.calculate(namespace, loader))
    value = _member(owner, self.name)
    return value if self.index is None else _item(value, self.index.calculate(namespace, loader))


def _subexpression(self: Any, owner: Any, loader: Any, namespace: Any) -> Any:
    if not isinstance(self.expression, airspeed.ArrayIndex):
        return self.expression.calculate(owner, loader, namespace)
    value = _item(owner, self.expression.calculate(namespace, loader))
    return self.subexpression.calculate(value, loader, namespace) if self.subexpression else value


def _reference(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
    value = self.expression.calculate(namespace, loader) if self.expression is not None else None
    if value is None:
        # Velocity prints the source of a reference without a value, unless it is a quiet one: $!name.
        stream.write("" if self.silent and self.expression is not None else self.my_text())
    else:
        stream.write(java_text(value))


def _plain_literal(self: Any) -> None:
    (raw,) = self.identity_match(self.STRING)
    self.value = raw.replace("''", "'")


def _interpolated_literal(self: Any) -> None:
    (raw,) = self.identity_match(self.STRING)
    self.value = raw.replace('""', '"')
    # Velocity parses the literal as a template only if it has a reference or a directive in it.
    self.block = airspeed.Block(self.filename, self.value, 0) if re.search(r"[$#]", self.value) else None


def _interpolate(self: Any, namespace: Any, loader: Any) -> str:
    if self.block is None:
        return str(self.value)
    stream = airspeed.StoppableStream()
    self.block.evaluate(stream, namespace, loader)
    return str(stream.getvalue())


def _condition(self: Any) -> None:
    expression = self.next_element(airspeed.ParenthesizedExpression)
    self.optional_match(airspeed.WHITESPACE_TO_END_OF_LINE)
    self.calculate = lambda namespace, loader: is_true(expression.calculate(namespace, loader))


def _assign(self: Any, _stream: Any, namespace: Any, loader: Any) -> None:
    value = self.value.calculate(namespace, loader)
    if value is None:
        return  # Velocity 1.7 ignores the assignment of null
    *path, name = self.terms
    if not path:
        namespace.set_inherited(name, value)
        return
    target = namespace
    for term in path:
        target = target[term]
    target[name] = value


def _spellings(sign: str, word: str, operator: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return {sign: operator, word: operator}


def _install_dialect() -> None:
    identifier = r"[a-z_][a-z0-9_-]*"
    airspeed.NameOrCall.NAME = re.compile(f"({identifier})", re.I)
    airspeed.NameOrCall.calculate = _name_or_call
    airspeed.SubExpression.calculate = _subexpression
    airspeed.FormalReference.evaluate_raw = _reference
    airspeed.SetDirective.PLACE = re.compile(rf"\s*\$({identifier}(?:\.{identifier})*)", re.I)
    airspeed.SetDirective.evaluate_raw = _assign
    airspeed.StringLiteral.STRING = re.compile(r"'((?:''|[^'])*)'", re.S)
    airspeed.StringLiteral.parse = _plain_literal
    airspeed.InterpolatedStringLiteral.STRING = re.compile(r'"((?:""|[^"])*)"', re.S)
    airspeed.InterpolatedStringLiteral.parse = _interpolated_literal
    airspeed.InterpolatedStringLiteral.calculate = _interpolate
    airspeed.Condition.parse = _condition
    airspeed.BinaryOperator.OPERATORS.update({"+": add} | _spellings("==", "eq", equal))
    airspeed.BinaryOperator.OPERATORS.update(_spellings("!=", "ne", lambda a, b: not equal(a, b)))
    airspeed.BinaryOperator.OPERATORS.update(_spellings("&&", "and", lambda a, b: is_true(a) and is_true(b)))
    airspeed.BinaryOperator.OPERATORS.update(_spellings("||", "or", lambda a, b: is_true(a) or is_true(b)))
    airspeed.UnaryOperatorValue.OPERATORS.update(_spellings("!", "not", lambda a: not is_true(a)))


_install_dialect()


@lru_cache(maxsize=256)
def _compiled(template: str) -> Any:
    compiled = airspeed.Template(template)
    compiled.ensure_compiled()
    return compiled


def render(template: str, names: dict[str, Any]) -> str:
    """Render ``template`` with the top-level references ``names``.

    Values are data: their text is never parsed as a template.

    Raises:
        TemplateError: the template is malformed or an expression in it fails.
    """
    try:
        return str(_compiled(template).merge(dict(names)))
    except airspeed.TemplateExecutionError as error:
        raise TemplateError(f"{type(error.__cause__).__name__} in {error.element.my_text()!r}") from error
    except airspeed.TemplateError as error:
        raise TemplateError(str(error)) from error
