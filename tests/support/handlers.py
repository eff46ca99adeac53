"""Handlers of several functions in one test process."""

import importlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def forget_wiring(folders: Iterable[str]) -> None:
    """Make functions of these folders as if they had not been called yet."""
    for folder in folders:
        for wiring in vars(importlib.import_module(f"functions.{folder}.handler")).values():
            if hasattr(wiring, "cache_clear"):
                wiring.cache_clear()


@contextmanager
def printed_by(folders: Iterable[str]) -> Iterator[io.StringIO]:
    """What the functions' loggers print; they hold on to the standard output that they first met."""
    stream = io.StringIO()
    loggers = [importlib.import_module(f"functions.{folder}.handler").logger for folder in folders]
    handlers = [each for logger in loggers for each in logger.handlers]
    before = [each.setStream(stream) for each in handlers]
    yield stream
    for each, old in zip(handlers, before, strict=True):
        each.setStream(old)
