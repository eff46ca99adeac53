"""An OpenFeature provider over the registry of variants: each category is a flag.

Only this module knows the SDK, and no function on the way of a turn imports it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from silent_infinity.domain.turn import CRISIS_FLOW_LEVEL, AssignedVariant
from silent_infinity.domain.variant_categories import USER, categories
from silent_infinity.domain.variants import ASSIGNMENT_VERSION, AssignmentPlan, Choice
from silent_infinity.ports.variants import VariantRegistry

NAME = "silent-infinity-variants"
_VALUE = "value"

T = TypeVar("T")
Object = Sequence[FlagValueType] | Mapping[str, FlagValueType]


class FeatureFlagProvider(AbstractProvider):
    """Evaluates flags by assigning variants.

    A flag is a category (`CHAT_UI_LAYOUT`): its object is the configuration, its text the id of the variant,
    its number or boolean the attribute `value` of the configuration. A category and an attribute
    (`STARTER_POOL_SIZE.size`) are a flag as well, with the attribute's value in its own type.

    The targeting key is the session's id. Attributes of the context, each of which may be absent: `user_id`
    (the hash that stands for the person; categories that hash the person need it), `returning` (a bool),
    `crisis_level` (0-4) and `assigned` (what the session was assigned before, by category).

    The variant is named by its id. Reasons: DISABLED, there is a crisis and so production alone; STALE, the
    registry could not be read as it should be; SPLIT, an arm or a member of a pool; DEFAULT, production.
    Errors are answered with their codes and the caller's default, and name neither ids nor values.
    """

    def __init__(self, registry: VariantRegistry) -> None:
        super().__init__()
        self._registry = registry

    def get_metadata(self) -> Metadata:
        return Metadata(NAME)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(flag_key, default_value, evaluation_context, _boolean)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        return self._resolve(flag_key, default_value, evaluation_context, _text)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        return self._resolve(flag_key, default_value, evaluation_context, _integer)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        return self._resolve(flag_key, default_value, evaluation_context, _float)

    def resolve_object_details(
        self, flag_key: str, default_value: Object, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Object]:
        return self._resolve(flag_key, default_value, evaluation_context, _object)

    def _resolve(
        self,
        flag_key: str,
        default: T,
        context: EvaluationContext | None,
        read: Callable[[AssignedVariant, str], T],
    ) -> FlagResolutionDetails[T]:
        category, _, attribute = flag_key.partition(".")
        try:
            variant, reason = self._served(category, context or EvaluationContext())
            if attribute and attribute not in variant.config:
                raise _Unresolved(ErrorCode.FLAG_NOT_FOUND, "the configuration has no such attribute")
            value = read(variant, attribute)
        except _Unresolved as unresolved:
            return FlagResolutionDetails(
                value=default,
                error_code=unresolved.code,
                error_message=unresolved.message,
                reason=Reason.ERROR,
            )
        return FlagResolutionDetails(
            value=value,
            reason=reason,
            variant=variant.variant_id,
            flag_metadata={"assignment_version": ASSIGNMENT_VERSION},
        )

    def _served(self, category: str, context: EvaluationContext) -> tuple[AssignedVariant, Reason]:
        plan = self._registry.plan()
        stale = self._registry.stale
        if category not in plan:
            raise _Unresolved(ErrorCode.FLAG_NOT_FOUND, "no such category, or nothing in production there")
        facts = _Facts.of(context)
        if facts.in_crisis:
            return plan.production()[category], Reason.DISABLED
        choice = facts.choose(plan, category)
        if stale:
            return choice.assigned, Reason.STALE
        return choice.assigned, Reason.SPLIT if choice.split else Reason.DEFAULT


class _Unresolved(Exception):  # noqa: N818 -- it becomes an answer, not a fault
    """A flag that has no value here. The message is for developers and holds nothing of the context."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the context says of the unit."""

    session_id: str | None
    user_id: str | None
    returning: bool | None
    crisis_level: float
    assigned: Mapping[str, Any]

    @classmethod
    def of(cls, context: EvaluationContext) -> "_Facts":
        """Read the context.

        Raises:
            _Unresolved: an attribute is of the wrong type.
        """
        attributes = context.attributes
        level = attributes.get("crisis_level", 0)
        if isinstance(level, bool) or not isinstance(level, int | float):
            raise _unusable("crisis_level must be a number")
        return cls(
            session_id=_given(context.targeting_key, str, "the targeting key must be text"),
            user_id=_given(attributes.get("user_id"), str, "user_id must be text"),
            returning=_given(attributes.get("returning"), bool, "returning must be a boolean"),
            crisis_level=level,
            assigned=_given(attributes.get("assigned"), Mapping, "assigned must be an object") or {},
        )

    @property
    def in_crisis(self) -> bool:
        """Whether there is production alone. A level that is not a number at all counts as a crisis."""
        return not self.crisis_level < CRISIS_FLOW_LEVEL

    def choose(self, plan: AssignmentPlan, category: str) -> Choice:
        """Assign the unit.

        Raises:
            _Unresolved: the identity that the category hashes is missing, or no Unicode.
        """
        if categories()[category].unit == USER:
            if not self.user_id:
                raise _unusable("the category hashes the person: user_id is missing")
        elif not self.session_id:
            raise _Unresolved(ErrorCode.TARGETING_KEY_MISSING, "the targeting key is the session's id")
        stored = self.assigned.get(category)
        try:
            return plan.choose(
                category,
                session_id=self.session_id or "",
                user_id=self.user_id or "",
                stored=_given(stored, str, "assigned must hold the ids of variants"),
                returning=self.returning,
            )
        except UnicodeEncodeError:
            raise _unusable("an identity is not Unicode") from None


def _unusable(message: str) -> _Unresolved:
    return _Unresolved(ErrorCode.INVALID_CONTEXT, message)


def _given(value: Any, kind: type[Any], message: str) -> Any:
    if value is None or isinstance(value, kind):
        return value
    raise _unusable(message)


def _named(variant: AssignedVariant, attribute: str) -> Any:
    return variant.config.get(attribute or _VALUE)


def _object(variant: AssignedVariant, attribute: str) -> Object:
    value = _named(variant, attribute) if attribute else variant.config
    if not isinstance(value, dict | list):
        raise _mismatch("an object")
    # A copy: the application may change what it was given, and the registry is shared by the process.
    return cast(Object, _copy(value))


def _text(variant: AssignedVariant, attribute: str) -> str:
    value = _named(variant, attribute) if attribute else variant.variant_id
    if not isinstance(value, str):
        raise _mismatch("text")
    return value


def _boolean(variant: AssignedVariant, attribute: str) -> bool:
    value = _named(variant, attribute)
    if not isinstance(value, bool):
        raise _mismatch("a boolean")
    return value


def _integer(variant: AssignedVariant, attribute: str) -> int:
    value = _named(variant, attribute)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch("an integer")
    return value


def _float(variant: AssignedVariant, attribute: str) -> float:
    value = _named(variant, attribute)
    # A table gives 7.0 back as 7.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch("a number")
    return float(value)


def _mismatch(kind: str) -> _Unresolved:
    return _Unresolved(ErrorCode.TYPE_MISMATCH, f"the variant has no value here that is {kind}")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
