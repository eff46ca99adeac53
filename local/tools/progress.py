"""Tell a waiting person what is going on and for how long, on a terminal and in a CI log alike."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

REDRAW_SECONDS = 0.2
REPEAT_SECONDS = 15.0  # without a terminal: often enough to show life, seldom enough to keep a log readable
QUIET_SECONDS = 2.0  # a step shorter than this needs no line of its own before it ends


class Step:
    """A running step; `say` replaces the short remark beside its title."""

    def __init__(self, title: str, clock_started: float) -> None:
        self.title = title
        self.remark = ""
        self.started = clock_started

    def say(self, remark: str) -> None:
        """Show `remark` (one line, cut to fit) beside the title from now on."""
        self.remark = " ".join(remark.split())


class Progress:
    """Shows steps that run one after another or side by side. Thread-safe."""

    def __init__(
        self, stream: TextIO | None = None, *, terminal: bool | None = None, width: int = 100
    ) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty() if terminal is None else terminal
        self._width = width
        self._lock = threading.Lock()
        self._running: list[Step] = []
        self._stop = threading.Event()
        self._drawer: threading.Thread | None = None

    @contextmanager
    def step(self, title: str, *, quiet: bool = False) -> Iterator[Step]:
        """Run a block as a step; its end is printed with the elapsed seconds.

        A quiet step that ends within two seconds leaves no line.
        """
        step = Step(title, time.monotonic())
        self._begin(step)
        try:
            yield step
        except BaseException:
            self._end(step, "failed", quiet=quiet)
            raise
        self._end(step, "done", quiet=quiet)

    def note(self, line: str) -> None:
        """Print a whole line without disturbing the steps that are running."""
        with self._lock:
            self._clear_line()
            print(line, file=self._stream, flush=True)

    def _begin(self, step: Step) -> None:
        with self._lock:
            self._running.append(step)
            if self._drawer is None:
                self._stop.clear()
                self._drawer = threading.Thread(target=self._draw_until_stopped, daemon=True)
                self._drawer.start()

    def _end(self, step: Step, word: str, *, quiet: bool) -> None:
        elapsed = time.monotonic() - step.started
        with self._lock:
            self._running.remove(step)
            self._clear_line()
            if not quiet or elapsed >= QUIET_SECONDS:
                mark = "✓" if word == "done" else "✗"
                tail = "" if word == "done" else " (failed)"
                print(f"  {mark} {step.title}{tail}  {elapsed:.1f} s", file=self._stream, flush=True)
            drawer = None if self._running else self._drawer
            if drawer is not None:
                self._stop.set()
                self._drawer = None
        if drawer is not None:
            drawer.join()

    def _draw_until_stopped(self) -> None:
        stop = self._stop
        said_at: dict[int, float] = {}
        while not stop.wait(REDRAW_SECONDS):
            with self._lock:
                if stop.is_set():
                    return
                if self._terminal:
                    self._draw_line()
                else:
                    self._say_again(said_at)

    def _draw_line(self) -> None:
        now = time.monotonic()
        parts = []
        for step in self._running:
            remark = f" – {step.remark}" if step.remark else ""
            parts.append(f"{step.title} {now - step.started:.0f} s{remark}")
        line = "  … " + " | ".join(parts)
        print(f"\r\x1b[2K{line[: self._width]}", end="", file=self._stream, flush=True)

    def _say_again(self, said_at: dict[int, float]) -> None:
        now = time.monotonic()
        for step in self._running:
            last = said_at.get(id(step))
            due = QUIET_SECONDS if last is None else REPEAT_SECONDS
            if now - (last or step.started) >= due:
                remark = f" – {step.remark}" if step.remark else ""
                line = f"  … {step.title} ({now - step.started:.0f} s){remark}"
                print(line[: self._width], file=self._stream, flush=True)
                said_at[id(step)] = now

    def _clear_line(self) -> None:
        if self._terminal:
            print("\r\x1b[2K", end="", file=self._stream, flush=True)
