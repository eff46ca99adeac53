"""The stages of the crisis screen that need nothing but the layer, in their order."""

from typing import Final

from silent_infinity.domain.crisis.learned import LEARNED, learned_stage
from silent_infinity.domain.crisis.screen import RULE_STAGE
from silent_infinity.domain.crisis.verdict import Stage

LAYER_STAGES: Final[tuple[tuple[str, Stage], ...]] = (RULE_STAGE, (LEARNED, learned_stage))
