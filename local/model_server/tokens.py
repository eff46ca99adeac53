"""`python -m local.model_server.tokens`: count tokens by SmolLM2's tokenizer, one JSON string a line.

Writes one number a line, in the same order. It serves the model on a free port of the loopback interface for
as long as that takes: the tokenizer is part of the weights, and the server is what speaks of it.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Iterable, Iterator

from local.model_server.__main__ import weights

TIMEOUT_SECONDS = 60


def counts(texts: Iterable[str]) -> Iterator[int]:
    """Yield how many tokens each text has, without a beginning-of-text token."""
    import xllamacpp

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 256  # nothing is generated: the weights are there for their vocabulary
    params.cpuparams.n_threads = 1
    params.warmup = False
    params.ui = False
    server = xllamacpp.Server(params)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        for text in texts:
            connection.request("POST", "/tokenize", json.dumps({"content": text, "add_special": False}))
            with connection.getresponse() as response:
                answer = json.load(response)
            yield len(answer["tokens"])
    finally:
        del server


def main() -> int:
    """Count what comes in."""
    texts = (json.loads(line) for line in sys.stdin if line.strip())
    for count in counts(texts):
        print(count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
