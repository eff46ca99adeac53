"""A salt that is given."""


class MemoryUserSalt:
    """A `UserSalt`."""

    def __init__(self, salt: str = "salt") -> None:
        self._salt = salt

    def salt(self) -> str:
        return self._salt
