"""The operators' routes: all there, all to one function, which may do what it has to and no more."""

import json

import pytest

from silent_infinity.adapters.aws.approvals import promotion_partition, variant_partition
from silent_infinity.usecases.manage_variants import change_key
from tests.stacks.synthesised import Application, as_list

ROUTES = {
    "GET /admin/api/variants",
    "GET /admin/api/variants/compare",
    "POST /admin/api/variants/{category}",
    "GET /admin/api/variants/{category}/{variant_id}",
    "PUT /admin/api/variants/{category}/{variant_id}",
    "POST /admin/api/variants/{category}/{variant_id}/promote",
    "POST /admin/api/variants/{category}/{variant_id}/evidence",
    "POST /admin/api/variants/{category}/{variant_id}/demote",
    "POST /admin/api/variants/{category}/{variant_id}/rollback",
    "POST /admin/api/variants/{category}/{variant_id}/pause",
    "POST /admin/api/variants/{category}/{variant_id}/cancel",
    "GET /admin/api/audit-log",
    "GET /admin/api/audit-log/verify",
    "GET /admin/api/promotions",
}


def routes(application: Application) -> dict[str, dict[str, object]]:
    """Return the API's methods by method and path."""
    resources = application.properties("AWS::ApiGateway::Resource")

    def path(reference: dict[str, str]) -> str:
        found = resources.get(f"Api/{reference.get('Ref')}")
        return f"{path(found['ParentId'])}/{found['PathPart']}" if found else ""

    methods = application.properties("AWS::ApiGateway::Method").values()
    return {f"{method['HttpMethod']} {path(method['ResourceId'])}": method for method in methods}


def test_the_routes_are_there_and_lead_to_the_function(application: Application) -> None:
    """By its alias: the permission of the API is on that, the function itself would refuse."""
    found = {
        route: method
        for route, method in routes(application).items()
        if "/admin" in route and not route.startswith("OPTIONS")
    }

    assert set(found) == ROUTES
    for route, method in found.items():
        assert "AdminApiAlias" in json.dumps(method["Integration"]), route


def test_a_change_may_carry_its_key_and_version(application: Application) -> None:
    """Neither is demanded by API Gateway, which could not say what is missing; the function can."""
    for route, method in routes(application).items():
        if route in ROUTES and not route.startswith("GET"):
            parameters = method["RequestParameters"]
            assert isinstance(parameters, dict)
            assert parameters["method.request.header.Idempotency-Key"] is False, route
            assert parameters["method.request.header.If-Match"] is False, route


def test_the_function_may_append_to_the_audit_log_and_read_it(application: Application) -> None:
    """It deletes nothing, changes promotions only, and whatever else it writes is a conditional put."""
    permissions = application.permissions("AdminApiRole")
    allowed = {action for action, resource in permissions if "AuditLog" in resource}
    changed = {resource for action, resource in permissions if action == "dynamodb:UpdateItem"}
    everything = {action for action, _ in permissions}

    assert allowed == {"dynamodb:PutItem", "dynamodb:Query"}
    assert all("Promotions" in resource for resource in changed)
    assert {action for action in everything if action.startswith("dynamodb:")} == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
    }


def test_the_function_reaches_nothing_that_people_wrote(application: Application) -> None:
    """Operators look at numbers."""
    reached = " ".join(resource for _, resource in application.permissions("AdminApiRole"))

    assert "Variants" in reached
    for table in ("Conversations", "TurnEvents", "Feedback"):
        assert table not in reached


@pytest.mark.parametrize("role", ["AdminApiRole", "VariantDemotionDemoteRole"])
def test_answers_to_people_are_not_read_with_the_rights_over_variants(
    application: Application, role: str
) -> None:
    """The claims of turns hold replies. What is kept of changes lies among them, under keys of its own."""
    reads = [
        statement
        for name, statement in application.identity_statements()
        if name.partition("/")[2].startswith(role)
        and "dynamodb:GetItem" in as_list(statement["Action"])
        and "Idempotency" in json.dumps(statement["Resource"])
    ]

    assert [read["Condition"] for read in reads] == [
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["admin#*"]}}
    ]
    assert change_key("operator:a", "key").startswith("admin#")


def test_the_function_adds_golden_results_and_nothing_else_to_what_approvers_decide(
    application: Application,
) -> None:
    """A yes lies in the same table, under keys of promotions."""
    statements = [
        statement
        for name, statement in application.identity_statements()
        if name.partition("/")[2].startswith("AdminApi") and "Approvals" in json.dumps(statement["Resource"])
    ]

    assert [as_list(statement["Action"]) for statement in statements] == [["dynamodb:PutItem"]]
    assert statements[0]["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["VARIANT#*"]}}
    assert variant_partition("LLM_MODEL", "a").startswith("VARIANT#")
    assert not promotion_partition("VARIANT").startswith("VARIANT#")
