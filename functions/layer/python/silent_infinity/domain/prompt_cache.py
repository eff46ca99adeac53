"""Which instructions a provider will keep between calls: the arithmetic of prompt caches, without tokenizers.

A provider keeps a prefix only from a length on that differs by model. No tokenizer of the models in use can
be had offline, so a text's tokens are bounded by its characters: everyday English, which prompts are made
of, has three to five characters to a token in every tokenizer that we could measure (docs/prompts.md).
"""

from collections.abc import Sequence
from typing import Final

from silent_infinity.domain.models import Model
from silent_infinity.domain.turn import SystemBlock

MOST_CHARACTERS_PER_TOKEN: Final = 5
LEAST_CHARACTERS_PER_TOKEN: Final = 3
MOST_CACHE_POINTS: Final = 4
"""As many prefixes of one request a provider keeps at most."""

_SECONDS: Final = {"5m": 300, "1h": 3600}


def least_tokens(text: str) -> int:
    """Return how many tokens `text` (English prose) has at least."""
    return len(text) // MOST_CHARACTERS_PER_TOKEN


def most_tokens(text: str) -> int:
    """Return how many tokens `text` (English prose) has at most."""
    return -(-len(text) // LEAST_CHARACTERS_PER_TOKEN)


def kept(blocks: Sequence[SystemBlock], model: Model) -> tuple[bool, ...]:
    """Return for each block whether a provider will surely keep the instructions up to its end for `model`.

    A block without a `cache_ttl` ends what can be kept: what follows it differs by turn even if it says
    otherwise. A longer time after a shorter one is refused by providers, so it is not kept either.
    """
    result: list[bool] = []
    prefix = ""
    open_, shortest = True, max(_SECONDS.values())
    for block in blocks:
        prefix = f"{prefix}\n\n{block.text}" if prefix else block.text
        seconds = _SECONDS.get(block.cache_ttl or "", 0)
        open_ = open_ and seconds > 0
        keeps = (
            open_
            and block.cache_ttl in model.cache_ttls
            and seconds <= shortest
            and least_tokens(prefix) >= model.min_cacheable_tokens
            and sum(result) < MOST_CACHE_POINTS
        )
        if keeps:
            shortest = seconds
        result.append(keeps)
    return tuple(result)
