"""The categories in which there are variants, the stages of a variant's life, and their bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from silent_infinity.data import load
from silent_infinity.domain.payload import from_payload

SESSION, USER = "session", "user"
CLIENT = "client"
EXPERIMENTAL, STAGED, CANARY, PRODUCTION = "experimental", "staged", "canary", "production"
RETIRED = "retired"
STATUSES = (EXPERIMENTAL, STAGED, CANARY, PRODUCTION, RETIRED)
COHORTS = ("all", "new_users", "returning", "paid", "free")


@dataclass(frozen=True, slots=True)
class Category:
    """One dimension of the product; `data/variant_categories.json` says what the fields mean."""

    name: str
    title: str
    unit: str
    rendered_by: str
    critical: bool = False
    crisis: bool = False
    pool: bool = False

    @property
    def config_schema(self) -> str:
        """The name of the JSON Schema of the category's configurations."""
        return f"variant_config_{self.name.lower()}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the life cycle with the rollout, in percent, that a running variant has there.

    A variant may also stand at 0 in every stage but production: it waits, or it is paused. `entry` is what a
    promotion into the stage gives unless it says otherwise.
    """

    status: str
    least: float
    most: float
    entry: float


@dataclass(frozen=True, slots=True)
class RegistryRules:
    """What holds for all variants. Points and rollouts are in percent, the cooldown is in seconds."""

    cooldown_seconds: int
    most_running_experiments: int
    confirm_above_points: float
    stages: tuple[Stage, ...]
    needs_approval: tuple[str, ...]

    def stage(self, status: str) -> Stage:
        """Return the stage.

        Raises:
            KeyError: there is no such stage (a retired variant is in none).
        """
        for stage in self.stages:
            if stage.status == status:
                return stage
        raise KeyError(status)


@cache
def categories() -> Mapping[str, Category]:
    """Return the categories by their names, in the order of the design."""
    return {row["name"]: from_payload(Category, row) for row in load("variant_categories.json")["categories"]}


@cache
def registry_rules() -> RegistryRules:
    """Return the rules of the registry."""
    return from_payload(RegistryRules, load("variant_categories.json"))
