"""Assignment of variants once more, written for reading: what the vectors and the real one are checked by."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

UNIT_IS_THE_PERSON = {
    "CHAT_UI_LAYOUT",
    "COMPOSE_POSITION",
    "VOICE_PROVIDER",
    "MANDALA_FACE",
    "PRICING_TIER_STRUCTURE",
    "SYNTHESIS_MODEL",
}
UNIT_IS_THE_SESSION = {
    "LLM_MODEL",
    "SYSTEM_PROMPT",
    "GHOST_CHAR_STYLE",
    "RATING_VARIANT",
    "VOICE_LLM",
    "STARTER_POOL_SIZE",
    "TOPIC_HIERARCHY",
    "SMALL_TALK_MODEL",
}
OF_THE_CRISIS_PATH = {"CRISIS_DETECTOR_MODEL", "SENTINEL_MODEL", "CRISIS_FLOW_MODEL"}
WITH_A_POOL = {"RATING_VARIANT"}
CATEGORIES = sorted(UNIT_IS_THE_PERSON | UNIT_IS_THE_SESSION | OF_THE_CRISIS_PATH)


def bucket_by_hand(seed: str, category: str, unit: str) -> int:
    """Return the bucket, from the digest in hexadecimal."""
    return int(sha256(":".join([seed, category, unit]).encode("utf-8")).hexdigest(), 16) % 10_000


def assigned_by_hand(case: Mapping[str, Any]) -> dict[str, str]:
    """Return category to variant id for a case of tests/vectors/assignment.json."""
    rows = [_now(row, case) for row in case["rows"] if _is_whole(row)]
    found = {}
    for category in CATEGORIES:
        of_category = [row for row in rows if row["category"] == category]
        choice = _in_category(category, of_category, case)
        if choice is not None:
            found[category] = choice
    return found


def _in_category(category: str, rows: list[dict[str, Any]], case: Mapping[str, Any]) -> str | None:
    pool = [row for row in rows if row["status"] == "production" and not row.get("ranges")]
    pool.sort(key=lambda row: (row.get("pool_rank", 0), row["variant_id"]))
    if not pool:
        return None
    if category in OF_THE_CRISIS_PATH:
        return str(pool[0]["variant_id"])
    if category not in WITH_A_POOL:
        pool = pool[:1]
    unit = case["user_id"] if category in UNIT_IS_THE_PERSON else case["session_id"]
    running = {"experimental", "staged", "canary", "production"}
    arms = [row for row in rows if row["status"] in running and row.get("ranges") and _is_for(row, case)]
    stored = case.get("stored", {}).get(category)
    if stored is not None:
        if stored in {row["variant_id"] for row in arms + pool}:
            return str(stored)
    else:
        owners = [arm for arm in arms if _owns(arm, bucket_by_hand(arm.get("seed", "v1"), category, unit))]
        if owners:
            return str(min(owners, key=lambda arm: (arm.get("seed", "v1"), arm["variant_id"]))["variant_id"])
    return str(pool[bucket_by_hand(pool[0].get("seed", "v1"), category, unit) % len(pool)]["variant_id"])


def _owns(arm: Mapping[str, Any], place: int) -> bool:
    return any(place in range(start, end) for start, end in arm["ranges"])


def _is_for(row: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    needed: Mapping[str, Iterable[bool | None]] = {
        "all": (True, False, None),
        "new_users": (False,),
        "returning": (True,),
    }
    return case.get("returning") in needed.get(row.get("target_cohort", "all"), ())


def _is_whole(row: Mapping[str, Any]) -> bool:
    return (
        {"category", "variant_id", "status"} <= set(row)
        and isinstance(row.get("config", {}), dict)
        and all(len(pair) == 2 and 0 <= pair[0] < pair[1] <= 10_000 for pair in row.get("ranges", ()))
    )


def _now(row: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    pending = row.get("pending")
    if pending and datetime.fromisoformat(pending["effective_at"]) <= datetime.fromisoformat(case["now"]):
        return {**row, **pending["changes"]}
    return dict(row)
