"""Messages of all kinds, from the shared vectors, always the same ones in the same order."""

from random import Random
from typing import Any

from tests.support.vectors import load_vectors

LONGEST = 4000
RISK_LEVEL = 2
GOLDEN = "crisis_golden_en.json"

LIVED = (
    "My sister and I have not spoken since the funeral, and I keep going over what I said to her.",
    "I got the job I wanted and all I feel is that they will find out I am a fraud.",
    "Every evening I sit in the car for half an hour because I cannot face going inside.",
    "My son moved out last month and the house is so quiet that I leave the radio on all day.",
    "I said yes to another project although I promised myself to rest this spring.",
    "I can't stop thinking about the argument with my manager, and I barely slept again.",
    "Since the divorce our friends invite him and not me, and I pretend that I don't mind.",
    "I want to forgive my father before it is too late, but I don't know how to begin.",
)
"""Messages that a reply is generated for; none has a risk in it, and none is long."""


def golden_messages() -> list[str]:
    """Return the texts that the crisis screen is judged by."""
    return [str(case["text"]) for case in load_vectors(GOLDEN)]


def everyday_messages() -> list[str]:
    """Return messages without a risk: greetings, questions, worries, everyday words that sound like more."""
    calm = [str(case["text"]) for case in load_vectors(GOLDEN) if _level(case) < RISK_LEVEL]
    asked = [str(case["message"]) for case in load_vectors("intent.json")]
    answered = [str(case["message"]) for case in load_vectors("quality_replies.json")]
    return [*LIVED * 6, *calm, *asked, *answered]


def risk_messages() -> list[str]:
    """Return messages of crisis levels 2-4."""
    return [str(case["text"]) for case in load_vectors(GOLDEN) if _level(case) >= RISK_LEVEL]


def paragraph_messages() -> list[str]:
    """Return messages of several sentences, about 500 characters each."""
    random = Random(3)
    return [" ".join(random.sample(LIVED, 6)) for _ in range(20)]


def long_messages() -> list[str]:
    """Return messages of `LONGEST` characters as people might write them, ever denser with words of risk."""
    random = Random(4)
    calm = [str(case["text"]) for case in load_vectors(GOLDEN) if _level(case) == 0]
    golden = golden_messages()
    told = [" ".join(random.choices([*LIVED, *random.sample(calm, 4)], k=60)) for _ in range(8)]
    idioms = [" ".join(random.sample(calm, 200)) for _ in range(8)]
    mixed = [". ".join(random.sample(golden, 200)) for _ in range(8)]
    return [_filled(text) for text in [*told, *idioms, *mixed]]


def hostile_messages() -> list[str]:
    """Return messages of `LONGEST` characters, each hard to read in a way of its own."""
    units = (
        "i want to ",
        "kill ",
        "I would never ",
        "k i l l  m y s e l f  ",
        "k1ll my$elf 4nd d!e ",
        "मैं बहुत अकेला महसूस करता हूँ और कोई मुझसे बात नहीं करता। ",
        "Я хочу спать. ",
        "😔💔 ",
        "a",
        "'\"“”‘’",
    )
    return [_filled(unit * LONGEST) for unit in units]


def _filled(text: str) -> str:
    return text[:LONGEST].ljust(LONGEST, ".")


def _level(case: dict[str, Any]) -> int:
    return int(case["level"])
