"""Token counts of texts, measured with the tokenizer of the local stack's small model.

Claude's tokens cannot be counted offline: the provider does it over the network. SmolLM2's byte-pair
vocabulary of 49,152 is the one that every machine of this project has. The report says so, and shows the
month with a tenth and with a third more tokens as well.
"""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

TIMEOUT_SECONDS = 600


class TokenizerError(RuntimeError):
    """The tokenizer did not count. The message says what to do."""


def count(texts: Iterable[str], python: Path, cwd: Path) -> Mapping[str, int]:
    """Return the tokens of every distinct text.

    `python` is the interpreter of the environment that has the model's weights, `cwd` the checkout.

    Raises:
        TokenizerError: the tokenizer cannot be started, or ends early.
    """
    distinct = sorted(set(texts))
    lines = "".join(f"{json.dumps(text)}\n" for text in distinct)
    try:
        done = subprocess.run(  # noqa: S603 -- our own module, in an environment that ./run has made
            [str(python), "-m", "local.model_server.tokens"],
            input=lines,
            capture_output=True,
            text=True,
            cwd=cwd,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise TokenizerError(f"The tokenizer did not run ({type(error).__name__}).") from None
    counted = [int(line) for line in done.stdout.split()]
    if len(counted) != len(distinct):
        raise TokenizerError(f"The tokenizer counted {len(counted)} of {len(distinct)} texts.")
    return dict(zip(distinct, counted, strict=True))
