"""Where the stacks find what they deploy. They read these files as data and import none of them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
LAYER = FUNCTIONS / "layer"
LAYER_PACKAGE = LAYER / "python" / "silent_infinity"
DATA = LAYER_PACKAGE / "data"
SCHEMAS = LAYER_PACKAGE / "schemas"
PROMPTS = ROOT / "prompts"
STATE_MACHINES = ROOT / "statemachines"
TEMPLATES = ROOT / "stacks" / "templates"
# Wheels that were unpacked once for a set of pins; deleting the folder costs one download.
WHEEL_CACHE = ROOT / ".local" / "cache" / "layer"
