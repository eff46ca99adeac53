"""The wire formats of the providers, as an HTTP fake sends them."""

from tests.contract.wire.dialect import COUNTS, Counts, Dialect, Said
from tests.contract.wire.dialects import DIALECTS

__all__ = ["COUNTS", "DIALECTS", "Counts", "Dialect", "Said"]
