"""How the promotion of a variant ends. The record of the promotion has the same words."""

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """Each is one end; only APPLIED, APPLIED_IN_PART and TAKEN_BACK have changed whom the variant serves.

    APPLIED: carried out, with all of its steps. APPLIED_IN_PART: approved and begun, but a later step was not
    taken; the variant stays where it is. TAKEN_BACK: it was shown to harm, and serves nobody any more.
    NOT_PASSED: a gate failed. NOT_ENOUGH_DATA: the time was up before the gates could tell. REJECTED: a
    person said no. EXPIRED: nobody said anything. CHANGED: the variant is no longer what the evidence is of.
    WITHDRAWN: an operator took the variant back, which ended the promotion. NO_APPROVERS: too few people
    could be asked. STOPPED: the execution was ended by hand. FAILED: something did not work until the end.
    """

    APPLIED = "applied"
    APPLIED_IN_PART = "applied_in_part"
    TAKEN_BACK = "taken_back"
    NOT_PASSED = "not_passed"
    NOT_ENOUGH_DATA = "not_enough_data"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    NO_APPROVERS = "no_approvers"
    STOPPED = "stopped"
    FAILED = "failed"


OPEN: Final = "awaiting_evidence"
"""The status of a promotion from its request until its end."""
