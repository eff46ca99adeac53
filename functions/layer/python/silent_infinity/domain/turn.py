"""The values that make up a turn: one message, its reply, and all that was decided between them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.disclosure import Disclosure

CRISIS_FLOW_LEVEL = 2
"""From this crisis level on, a turn is never experimented on, limited, refused or answered from a
template.
"""


@dataclass(frozen=True, slots=True)
class Client:
    """Where the message was written. `page_path` has no query; `network_ms` is the client's own estimate.

    `exposures` are the variants that the client says it has rendered, by category: a claim, see
    `domain/exposures.py`.
    """

    page_path: str = ""
    referrer_class: str = "direct"
    device_class: str = "desktop"
    browser: str = "other"
    network_ms: int = 0
    exposures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One side of an earlier turn, as a model reads it. `role` is `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class SystemBlock:
    """A part of a model's instructions. With a `cache_ttl` (`5m` or `1h`), the instructions up to the end of
    this block are the same for many turns and worth keeping that long at the provider.
    """

    text: str
    cache_ttl: str | None = None


@dataclass(frozen=True, slots=True)
class AssignedVariant:
    """The arm of a category that a turn takes, with its configuration."""

    variant_id: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionState:
    """What earlier turns of the session tell this one.

    `disclosed_at` (ISO 8601, UTC) is when the person was last told that this is an AI; `referrals` is how
    many turns have shown help lines.
    """

    turn_count: int = 0
    last_kind: str | None = None
    used_reply_ids: tuple[str, ...] = ()
    disclosed_at: str = ""
    referrals: int = 0


@dataclass(frozen=True, slots=True)
class SessionOrigin:
    """What a session keeps from turn to turn: when it began (ISO 8601, UTC), in which locale, the variants
    that it is assigned, and whether the person had been here before (None: nobody asked, or got an answer).

    Empty if nobody has read the session.
    """

    created_at: str = ""
    locale: str = ""
    variants: dict[str, str] = field(default_factory=dict)
    returning: bool | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Why the caller has to slow down: `rate` (turns a minute) or `budget` (tokens a day)."""

    reason: str = ""
    retry_after_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A guard that refused the message, and what the person is told."""

    rule_id: str = ""
    reply_text: str = ""


@dataclass(frozen=True, slots=True)
class CaptureTimings:
    """Milliseconds spent in the parts of the capture."""

    db_read_ms: int = 0
    db_write_ms: int = 0
    guardrail_ms: int = 0
    variant_ms: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A captured message with its context: the payload that the other states work from.

    `stored_message` is the message as it may be kept: without secrets. Empty if capture did not run.
    `disclosure` is the notice that goes with the reply, if one is due.

    `variants` is what was assigned in the categories that the server acts on, by version
    `assignment_version` of the algorithm (0: nobody has assigned anything), and `production` what a crisis
    takes there. `client_variants` and `client_production` are the same for the categories that a client
    renders. They end up in the answer, and no state in between is given them.
    """

    turn_id: str
    session_id: str
    message: str
    received_at: str
    user_id_hash: str = ""
    claim_key: str = ""
    stored_message: str = ""
    locale: str = "en-US"
    client: Client = Client()
    history: tuple[Utterance, ...] = ()
    posture: Posture = Posture()
    session: SessionState = SessionState()
    origin: SessionOrigin = SessionOrigin()
    disclosure: Disclosure | None = None
    variants: dict[str, AssignedVariant] = field(default_factory=dict)
    production: dict[str, AssignedVariant] = field(default_factory=dict)
    client_variants: dict[str, AssignedVariant] = field(default_factory=dict)
    client_production: dict[str, AssignedVariant] = field(default_factory=dict)
    assignment_version: int = 0
    limited: bool = False
    limit: Limit = Limit()
    blocked: bool = False
    block: Block = Block()
    reserved_tokens: int = 0
    degraded: tuple[str, ...] = ()
    timings: CaptureTimings = CaptureTimings()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them, and their price in US dollars."""

    tokens_input: int = 0
    tokens_output: int = 0
    tokens_cache_read: int = 0
    tokens_cache_write: int = 0
    cost_usd: float = 0.0

    @property
    def total_tokens(self) -> int:
        """All tokens of the call; what a budget counts."""
        return self.tokens_input + self.tokens_output + self.tokens_cache_read + self.tokens_cache_write

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.tokens_input + other.tokens_input,
            self.tokens_output + other.tokens_output,
            self.tokens_cache_read + other.tokens_cache_read,
            self.tokens_cache_write + other.tokens_cache_write,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One attempt at a model: what was asked, who answered, what it cost and how it ended. No text.

    `model_asked` is the catalogue's id or the name of the server's one model; `model_answered` is empty when
    nobody did. Tokens and price are as in `Usage`, and zero where a failed call did not tell. Milliseconds
    run from the request; `ttft_ms` is 0 without a first token. `outcome` is `ok`, `length`, `empty`,
    `guarded`, or the code of the error. `notes` are codes: retries, reductions, what was dropped.
    """

    turn_class: str = ""
    model_asked: str = ""
    model_answered: str = ""
    provider: str = ""
    prompt_id: str = ""
    prompt_sha: str = ""
    tokens_input: int = 0
    tokens_output: int = 0
    tokens_cache_read: int = 0
    tokens_cache_write: int = 0
    cost_usd: float = 0.0
    ttft_ms: int = 0
    total_ms: int = 0
    outcome: str = ""
    notes: tuple[str, ...] = ()

    @property
    def usage(self) -> Usage:
        """The call's tokens and price."""
        return Usage(
            self.tokens_input,
            self.tokens_output,
            self.tokens_cache_read,
            self.tokens_cache_write,
            self.cost_usd,
        )


def usage_of(calls: Iterable[ModelCall]) -> Usage:
    """Return what calls have used together, their price to a billionth of a dollar."""
    total = sum((call.usage for call in calls), Usage())
    return replace(total, cost_usd=round(total.cost_usd, 9))


@dataclass(frozen=True, slots=True)
class ScreenModelCall:
    """The crisis screen's call of a model (TC1), if there was one: `model_id` is empty if not.

    Tokens and price as in `Usage`; `ms` is how long the screen waited. `level` is what the model answered, or
    None with an `error`, which is a code.
    """

    model_id: str = ""
    provider: str = ""
    prompt_id: str = ""
    tokens_input: int = 0
    tokens_output: int = 0
    tokens_cache_read: int = 0
    tokens_cache_write: int = 0
    cost_usd: float = 0.0
    ms: int = 0
    level: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ModelLatency:
    """Milliseconds from the request to the first and to the last token."""

    llm_ttft_ms: int = 0
    llm_complete_ms: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply before validation. `source` is `model`, `composer` or `none` (nothing could be written).

    `reserve_text` is the composer's reply, safe to serve as it stands; empty for crisis turns, whose
    reserve is the vetted reply of the screen. `exposures` names the variants that really had a part in this
    draft, and `tried` those whose model was asked for it, whoever answered in the end. `model_calls` are all
    attempts at models, failed ones too, and `usage` includes what they cost. `budget_level` says how far a
    budget has brought the draft down: `full`, `reduced` or `minimal`; empty if nobody asked.
    """

    text: str
    source: str
    attempt: int = 1
    model_id: str = ""
    provider: str = ""
    prompt_id: str = ""
    prompt_sha: str = ""
    usage: Usage = Usage()
    latency: ModelLatency = ModelLatency()
    finish_reason: str = ""
    fallback_used: bool = False
    reserve_text: str = ""
    exposures: dict[str, str] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    error_class: str | None = None
    retry_count: int = 0
    model_calls: tuple[ModelCall, ...] = ()
    budget_level: str = ""
    tried: dict[str, str] = field(default_factory=dict)
