"""The system's randomness."""

import os


class SystemRandomness:
    """A `Randomness`, fit for secrets."""

    def token(self, size: int) -> bytes:
        return os.urandom(size)
