"""Why the registry refuses: each refusal says what to do instead."""

from collections.abc import Mapping, Sequence

from silent_infinity.domain.registry.commands import Refusal
from silent_infinity.domain.variant_categories import PRODUCTION, Stage

Violations = Sequence[Mapping[str, str]]


def category_not_found() -> Refusal:
    """404: no such category."""
    return Refusal(
        "category-not-found",
        "There is no such category.",
        404,
        "Use one of the categories that GET /admin/api/variants lists.",
    )


def variant_not_found() -> Refusal:
    """404: no such variant in the category."""
    return Refusal(
        "variant-not-found",
        "There is no such variant in this category.",
        404,
        "Look the id up with GET /admin/api/variants, or create the variant.",
    )


def variant_exists() -> Refusal:
    """409: the id is taken, perhaps by a retired variant."""
    return Refusal(
        "variant-exists",
        "The category has a variant of this id already.",
        409,
        "Choose another id. The id of a retired variant is not given again.",
    )


def parent_not_found() -> Refusal:
    """422: the named parent is not in the category."""
    return Refusal(
        "parent-not-found",
        "The parent is not a variant of this category.",
        422,
        "Name a variant of the same category in `parent_variant_id`, or leave it out.",
    )


def reason_needed() -> Refusal:
    """422: the reason is missing, too short or too long."""
    return Refusal(
        "reason-needed",
        "A change needs a reason.",
        422,
        "Say why in `reason`, in 10 to 500 characters.",
    )


def nothing_to_change() -> Refusal:
    """422: an update that names nothing, or only what holds already."""
    return Refusal(
        "nothing-to-change",
        "The update changes nothing.",
        422,
        "Give a new value of rollout_percent, description, target_cohort, pass_criteria or config.",
    )


def configuration_not_valid(violations: Violations) -> Refusal:
    """422: the configuration breaks the rules of its category."""
    return Refusal(
        "config-not-valid",
        "The configuration is not valid for its category.",
        422,
        "Correct the fields named in `violations`.",
        violations,
    )


def configuration_may_not_run() -> Refusal:
    """422: the configuration may be kept, but nobody may be served by it."""
    return Refusal(
        "config-may-not-run",
        "Nobody may be served by this configuration.",
        422,
        "Its model is not allowed for the work of this category, or its prompt is not published. Leave the "
        "variant at a rollout of 0, or create one with another configuration.",
    )


def precondition_required(present: int) -> Refusal:
    """428: the version that the change is about is not named."""
    return Refusal(
        "precondition-required",
        "The change needs the version that it is about.",
        428,
        f'Read the variant and send its version as `If-Match: "{present}"`.',
    )


def version_mismatch(present: int) -> Refusal:
    """412: the variant changed since it was read."""
    return Refusal(
        "version-mismatch",
        "The variant has changed since it was read.",
        412,
        f"Its version is {present} now. Read it again, and decide again.",
    )


def variant_retired() -> Refusal:
    """409: a retired variant does not change."""
    return Refusal(
        "variant-retired",
        "The variant is retired.",
        409,
        "A retired variant does not change any more. Create a new one, with this one as its parent.",
    )


def variant_in_use(what: str) -> Refusal:
    """409: what people are served does not change under them."""
    return Refusal(
        "variant-in-use",
        "People are served by this variant.",
        409,
        f"{what} only while its rollout is 0 and it is not production. Create a new variant instead, or take "
        "this one out of use first.",
    )


def past_experimental() -> Refusal:
    """409: a variant that has left the first stage stays what it was when it left."""
    return Refusal(
        "past-experimental",
        "This variant has left the experimental stage.",
        409,
        "Configuration and cohort change only there: what was found out, and approved, is of what it is now. "
        "Roll it back first, or create a new variant.",
    )


def production_variant() -> Refusal:
    """409: production is not paused."""
    return Refusal(
        "production-variant",
        "Production cannot be paused.",
        409,
        "Use rollback or demote: both put its predecessor in its place.",
    )


def share_of_production() -> Refusal:
    """409: the rollout of production is what others leave."""
    return Refusal(
        "production-share",
        "The share of production follows from other variants.",
        409,
        "It serves everybody whom no other variant serves. Change the rollout of the other variant, or use "
        "rollback.",
    )


def rollout_out_of_bounds(stage: Stage) -> Refusal:
    """422: the rollout does not fit the stage."""
    allowed = f"{stage.most:g}" if stage.least == stage.most else f"{stage.least:g} to {stage.most:g}"
    waiting = "" if stage.status == PRODUCTION else ", or 0 to wait"
    return Refusal(
        "rollout-out-of-bounds",
        "The rollout is outside the bounds of the stage.",
        422,
        f"A variant in the stage {stage.status} has {allowed} percent{waiting}.",
    )


def rollout_too_fine() -> Refusal:
    """422: a rollout that is no whole number of buckets."""
    return Refusal(
        "rollout-too-fine",
        "The rollout has too many decimals.",
        422,
        "Traffic is divided into 10,000 parts: use at most two decimals.",
    )


def cohort_unknown() -> Refusal:
    """422: nobody knows who is in the cohort."""
    return Refusal(
        "cohort-unknown",
        "Nobody knows yet who belongs to this cohort.",
        422,
        "Who pays is not known, so the variant stays at a rollout of 0. Use another `target_cohort`.",
    )


def cohort_limited() -> Refusal:
    """409: production serves everybody."""
    return Refusal(
        "cohort-limited",
        "A variant for one cohort cannot become production.",
        409,
        "Production serves everybody. Create a variant with `target_cohort` all and try it on everybody.",
    )


def crisis_category() -> Refusal:
    """409: nothing is tried on people in a crisis."""
    return Refusal(
        "crisis-category",
        "There are no experiments in a category of crisis safety.",
        409,
        "Promote it at a rollout of 0. It serves people when it becomes production, and then all of them.",
    )


def too_many_experiments(running: Sequence[str], most: int) -> Refusal:
    """409: the experiments that may run at once do run."""
    return Refusal(
        "too-many-experiments",
        "Too many experiments run already.",
        409,
        f"At most {most} run at once: {', '.join(running)}. Pause or finish one of them first.",
    )


def no_free_traffic(free: float) -> Refusal:
    """409: the other variants of the category leave too little."""
    return Refusal(
        "no-free-traffic",
        "Other variants of the category have the traffic.",
        409,
        f"At most {free:g} percent can be had. Lower the rollout of another variant of the category first.",
    )


def confirmation_needed(points: float) -> Refusal:
    """409: a large step."""
    return Refusal(
        "confirmation-needed",
        "A large change needs a confirmation.",
        409,
        f'It changes the rollout by {points:g} points. Send it again with `"confirm": true` if you mean it.',
    )


def change_pending(effective_at: str) -> Refusal:
    """409: another change of the category waits for its cooldown."""
    return Refusal(
        "change-pending",
        "Another change of this category waits for its cooldown.",
        409,
        f"It takes effect at {effective_at}. Cancel it, or wait for it.",
    )


def nothing_pending() -> Refusal:
    """409: there is nothing to cancel."""
    return Refusal(
        "nothing-pending",
        "No change of this variant is waiting.",
        409,
        "What has taken effect can be undone with rollback, demote or pause.",
    )


def promotion_open() -> Refusal:
    """409: the variant's promotion was asked for already."""
    return Refusal(
        "promotion-open",
        "A promotion of this variant is open already.",
        409,
        "See GET /admin/api/promotions. Rollback, demote or pause the variant to withdraw it.",
    )


def no_open_promotion() -> Refusal:
    """409: there is no promotion to close."""
    return Refusal(
        "no-open-promotion",
        "The variant has no open promotion.",
        409,
        "Nothing has to be closed.",
    )


def production_arriving(category: str, variant_id: str) -> Refusal:
    """409: another variant is on its way to be production."""
    return Refusal(
        "production-arriving",
        "Another variant is becoming production.",
        409,
        f"{category}/{variant_id} shares production at the moment. Take it to 100 percent or roll it back.",
    )


def incumbent_stays() -> Refusal:
    """422: what is replaced can only be retired when it is replaced."""
    return Refusal(
        "incumbent-stays",
        "There is no variant to retire.",
        422,
        "`retire_incumbent` goes with a change that gives the whole of production to another variant.",
    )


def no_incumbent() -> Refusal:
    """409: nobody would serve the rest."""
    return Refusal(
        "no-incumbent",
        "The category has no production variant yet.",
        409,
        "Nobody would serve the rest: promote it with a rollout of 100.",
    )


def nothing_above() -> Refusal:
    """409: production is the last stage."""
    return Refusal(
        "nothing-above",
        "The variant is production already.",
        409,
        "Raise its rollout with an update, if it does not serve everybody yet.",
    )


def nothing_below() -> Refusal:
    """409: experimental is the first stage."""
    return Refusal(
        "nothing-below",
        "The variant is in the first stage already.",
        409,
        "Pause it to stop it, or retire it.",
    )


def no_predecessor() -> Refusal:
    """409: nobody would serve the category."""
    return Refusal(
        "no-predecessor",
        "No variant could take the place of production.",
        409,
        "Promote another variant to production instead: it takes the place of this one.",
    )


def evidence_not_valid(violations: Violations) -> Refusal:
    """422: a golden result is not of this variant, this configuration, this model or these cases."""
    return Refusal(
        "evidence-not-valid",
        "The result is not one of this variant as it is.",
        422,
        "Run `./run evaluate` of this release again, with the configuration that is in force and the model "
        "that it names, and send what it writes unchanged.",
        violations,
    )


def key_reused() -> Refusal:
    """422: the idempotency key came with another change before."""
    return Refusal(
        "idempotency-key-reused",
        "The idempotency key was used for another change.",
        422,
        "Send every new change with a new `Idempotency-Key`.",
    )


def registry_busy() -> Refusal:
    """503: other changes came first each time."""
    return Refusal(
        "registry-busy",
        "Other changes of the registry came first.",
        503,
        "Nothing was changed. Send the request again, with the same `Idempotency-Key`, in a few seconds.",
    )
