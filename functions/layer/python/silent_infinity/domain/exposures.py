"""What of a client's report of rendered variants counts as exposure."""

from collections.abc import Mapping

from silent_infinity.domain.variant_categories import CLIENT, categories


def rendered_by_client(category: str) -> bool:
    """Whether what the client shows depends on the category; False for one that is not known here."""
    known = categories().get(category)
    return known is not None and known.rendered_by == CLIENT


def accepted(reported: Mapping[str, str], in_force: Mapping[str, str]) -> dict[str, str]:
    """Return the reported exposures that may be believed.

    A client can only have been exposed to what it was told to render. What it reports beyond that is a
    mistake of its own, or an arm that was stopped since it was told of it, and would blur the experiment.

    Args:
        reported: category to variant, as the client says.
        in_force: category to variant, as the session is assigned.
    """
    return {
        category: variant_id
        for category, variant_id in reported.items()
        if rendered_by_client(category) and in_force.get(category) == variant_id
    }
