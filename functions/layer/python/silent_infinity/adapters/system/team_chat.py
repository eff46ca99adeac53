"""What stands where the team has no channel."""


class NoTeamChat:
    """A `TeamChat` where none is set up."""

    def post(self, text: str) -> bool:
        del text
        return False
