"""Have the model read its instructions once, so that the first person of the day does not wait for it.

A small machine reads some 170 tokens a second: even the short instructions take it four seconds of a turn.
The server keeps what it has read (in its slots and in memory) and goes on from the longest beginning that it
knows, as the large providers' caches do.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from pathlib import Path

LAYER = Path(__file__).resolve().parents[2] / "functions" / "layer" / "python"
CLASSES = ("TC4", "TC5", "TC6", "TC3")
TIMEOUT_SECONDS = 120


def instructions() -> list[str]:
    """Return what each turn class of a fresh deployment begins with, the commonest first."""
    if str(LAYER) not in sys.path:
        sys.path.append(str(LAYER))
    from silent_infinity.domain.prompts import PERSONA, PERSONA_VERSION, build_messages, bundled
    from silent_infinity.domain.turn_classes import turn_classes

    texts = []
    for name in CLASSES:
        rules = turn_classes()[name]
        own, asked = rules.brief_persona or rules.persona, rules.brief_prompt or rules.prompt
        if asked is not None:
            persona = bundled(own.template_id, own.version) if own else bundled(PERSONA, PERSONA_VERSION)
            task = bundled(asked.template_id, asked.version)
            blocks, _ = build_messages(persona, task, "hello")
            texts.append("\n\n".join(block.text for block in blocks))
    return texts


def warm_up(port: int) -> None:
    """Ask the server for one word under each of the instructions; it is no error if it does not answer."""
    for text in instructions():
        messages = [{"role": "system", "content": text}, {"role": "user", "content": "hello"}]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(
                "POST",
                "/v1/chat/completions",
                json.dumps({"messages": messages, "max_tokens": 1}),
                {"Content-Type": "application/json"},
            )
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


def in_the_background(port: int) -> None:
    """Warm up while the server already answers others."""
    threading.Thread(target=warm_up, args=(port,), name="warm-up", daemon=True).start()
