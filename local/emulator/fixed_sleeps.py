"""Fixed waits that would drown every latency measurement.

Gap: the emulator sleeps 150 ms before every execution of a state machine, and waits 50 ms for the log lines
of every Lambda invocation that writes none (5 ms after the last line of the others).
Fix: no sleep; the Python worker ends each invocation's log with a marker, so that reading stops exactly
there, which also keeps late lines with the invocation that wrote them.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from local.emulator import seams

SUMMARY = "no 150 ms sleep per execution and no 50 ms wait per silent Lambda invocation"

_MARKER = "\x1eend of invocation"
_END_OF_LOOP = "        _real_stdout.flush()\n\nrun()\n"
_MARKED_END_OF_LOOP = """        _real_stdout.flush()
        sys.stderr.flush()
        os.write(2, b"\\x1eend of invocation\\n")

run()
"""
# Reached only if the function closed its own standard error, or its process died.
_LONGEST_WAIT_SECONDS = 0.25


def install() -> None:
    """Remove the sleep of executions; end the log of Python invocations at the marker."""
    step_functions = seams.module("services.stepfunctions")
    runtime = seams.module("core.lambda_runtime")
    seams.recompile(step_functions, "_run_execution", "time.sleep(0.15)", "pass")
    seams.replace_text(runtime, "_PYTHON_WORKER_SCRIPT", _END_OF_LOOP, _MARKED_END_OF_LOOP)
    drain_with_waits = seams.original(runtime.Worker, "_drain_stderr_bounded")

    def drain(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(self.config.get("Runtime", "python")).startswith("python"):
            return drain_with_waits(self, *args, **kwargs)
        return _lines_until_marker(self._stderr_queue)

    seams.replace(runtime.Worker, "_drain_stderr_bounded", drain)


def _lines_until_marker(lines: queue.Queue[str]) -> str:
    collected: list[str] = []
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=remaining)
        except queue.Empty:
            break
        text, marker, _rest = line.partition(_MARKER)
        if text or not marker:
            collected.append(text)
        if marker:
            break
    return "\n".join(collected)
