"""The one error that the command line shows to a person."""

from __future__ import annotations


class LocalError(Exception):
    """Something a person can act on: what is wrong, and what to do about it.

    The command line prints it as one paragraph, without a traceback.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
