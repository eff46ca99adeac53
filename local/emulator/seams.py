"""The emulator's modules that completions attach to.

The emulator is untyped and present only in its own virtual environment, so its modules are fetched by name
and typed ``Any`` here, once, instead of an ignore at every import.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from importlib import metadata
from typing import Any

PINNED_VERSION = "1.5.33"


class SeamMissingError(RuntimeError):
    """The emulator lacks what a completion replaces."""


class WrongEmulatorError(RuntimeError):
    """MiniStack is absent from this interpreter, or is not the pinned version."""


def require_pinned_version() -> None:
    """Check that MiniStack is installed in exactly the version that the completions patch.

    Raises:
        WrongEmulatorError: it is not.
    """
    try:
        installed = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        installed = "no version of it"
    if installed != PINNED_VERSION:
        raise WrongEmulatorError(
            f"This launcher completes MiniStack {PINNED_VERSION}, but {installed} is installed for this "
            "interpreter. Install local/emulator/requirements.txt into its own virtual environment."
        )


def module(name: str) -> Any:
    """Import one of the emulator's modules, for example ``services.stepfunctions``."""
    return importlib.import_module(f"ministack.{name}")


def original(owner: Any, name: str) -> Any:
    """The function that a completion is about to replace.

    Raises:
        SeamMissingError: ``owner`` has no such attribute.
    """
    if not hasattr(owner, name):
        raise SeamMissingError(f"{getattr(owner, '__name__', owner)} has no attribute {name!r}")
    return getattr(owner, name)


def replace(owner: Any, name: str, replacement: Any) -> None:
    """Put ``replacement`` in the place of the existing attribute ``name`` of ``owner``.

    Raises:
        SeamMissingError: ``owner`` has no such attribute.
    """
    original(owner, name)
    setattr(owner, name, replacement)


def replace_text(owner: Any, name: str, old: str, new: str) -> None:
    """Replace the one occurrence of ``old`` in the text attribute ``name`` (a script that the emulator runs).

    Raises:
        SeamMissingError: ``old`` does not occur exactly once.
    """
    text = original(owner, name)
    if text.count(old) != 1:
        raise SeamMissingError(f"{name} does not contain exactly one {old!r}")
    setattr(owner, name, text.replace(old, new))


def recompile(owner: Any, name: str, old: str, new: str) -> None:
    """Replace ``old`` by ``new`` in the source of a function of a module or class.

    Raises:
        SeamMissingError: ``old`` does not occur exactly once.
    """
    function = original(owner, name)
    source = getattr(function, "recompiled_source", None) or textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise SeamMissingError(f"{owner.__name__}.{name} does not contain exactly one {old.strip()!r}")
    source = source.replace(old, new)
    made: dict[str, Any] = {}
    code = compile(source, inspect.getfile(function), "exec")
    exec(code, function.__globals__, made)  # noqa: S102 - the source is a pinned package's own
    made[function.__name__].recompiled_source = source
    setattr(owner, name, made[function.__name__])
