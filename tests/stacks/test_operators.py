"""Who may change variants: the operators' pool, and the authorizer before every one of their routes."""

import json
import re

import pytest

from stacks.constructs.operator_authorizer import TOKEN_SHAPE
from tests.stacks.synthesised import Application
from tests.support.tokens import claims, signed


def test_operators_need_a_second_factor_and_cannot_invite_themselves(application: Application) -> None:
    """A pool setting, not a user's choice: one stolen password must not change what people are served."""
    pool = application.named("AWS::Cognito::UserPool", "OperatorsPool")

    assert pool["MfaConfiguration"] == "ON"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 14
    assert pool["Policies"]["PasswordPolicy"]["TemporaryPasswordValidityDays"] <= 3


def test_operators_tokens_are_short_lived_and_their_client_has_no_other_way_in(
    application: Application,
) -> None:
    """Nobody looks at a token again while it is valid: what is taken from an operator ends with it."""
    client = application.named("AWS::Cognito::UserPoolClient", "OperatorsPool")

    assert client["IdTokenValidity"] <= 30
    assert client["TokenValidityUnits"]["IdToken"] == "minutes"
    assert set(client["ExplicitAuthFlows"]) == {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }
    assert client["AllowedOAuthFlowsUserPoolClient"] is False


def test_every_route_of_operators_is_behind_their_authorizer_and_no_other_is(
    application: Application,
) -> None:
    """A route that is added without it would be open, or would take a token of the people's pool."""
    resources = application.properties("AWS::ApiGateway::Resource")
    methods = application.properties("AWS::ApiGateway::Method")

    def path(reference: object) -> str:
        logical_id = reference["Ref"] if isinstance(reference, dict) and "Ref" in reference else None
        if logical_id is None:
            return ""
        found = resources[f"Api/{logical_id}"]
        return f"{path(found['ParentId'])}/{found['PathPart']}"

    checked = 0
    for name, method in methods.items():
        if method["HttpMethod"] == "OPTIONS":
            continue
        of_operators = path(method["ResourceId"]).startswith("/admin/")
        assert of_operators == (method["AuthorizationType"] == "CUSTOM"), name
        if of_operators:
            assert method["AuthorizerId"]["Ref"].startswith("OperatorAuthorizer")
            checked += 1
    assert checked >= 13


def test_no_yes_is_kept_beyond_its_token(application: Application) -> None:
    """API Gateway would not look at the end of a token whose answer it has kept."""
    authorizer = application.named("AWS::ApiGateway::Authorizer", "OperatorAuthorizer")

    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert authorizer["Type"] == "TOKEN"
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert authorizer["IdentityValidationExpression"] == TOKEN_SHAPE


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_nobody_raises_an_alarm_by_a_token_that_is_refused(
    name: str, applications: dict[str, Application]
) -> None:
    """API Gateway wants a refusal as a failure of the function. An alarm on its failures would be anybody's
    to raise, without an account, and would take back every deployment of the authorizer that is under way.
    """
    application = applications[name]
    alarms = application.properties("AWS::CloudWatch::Alarm")
    of_authorizer = [
        alarm for alarm in alarms.values() if "OperatorAuthorizer" in json.dumps(alarm.get("Dimensions", []))
    ]
    (group,) = (
        group
        for name, group in application.properties("AWS::CodeDeploy::DeploymentGroup").items()
        if name.startswith("Api/DeploymentAuthorizer")
    )
    (watched,) = group["AlarmConfiguration"]["Alarms"]
    alarm = alarms[f"Api/{watched['Name']['Ref']}"]

    assert of_authorizer == []
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ApiGateway", "5XXError")


def test_the_authorizer_may_do_nothing_but_write_its_log(application: Application) -> None:
    """It reads strangers' tokens: whatever they make it do, there is nothing within its reach."""
    actions = {action for action, _resource in application.permissions("OperatorAuthorizer")}

    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_the_authorizer_knows_the_operators_pool_and_not_the_peoples(application: Application) -> None:
    """The two pools look alike; exchanged, everybody would be an operator."""
    function = application.named("AWS::Lambda::Function", "OperatorAuthorizer")
    variables = json.dumps(function["Environment"]["Variables"])

    assert function["Environment"]["Variables"]["OPERATOR_POOL_ID"]["Ref"].startswith("OperatorsPool")
    assert function["Environment"]["Variables"]["OPERATOR_CLIENT_ID"]["Ref"].startswith("OperatorsPoolClient")
    assert "PeoplePool" not in variables


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        (signed(claims()), True),
        (f"Bearer {signed(claims())}", True),
        (f"bearer {signed(claims())}", True),
        (f"Basic {signed(claims())}", False),
        ("letmein", False),
        ("a.b.", False),
        ("a.b.c.d", False),
        ("a.b.c\n", False),
        ("", False),
    ],
    ids=["token", "bearer", "lower case", "basic", "word", "unsigned", "four parts", "line", "empty"],
)
def test_what_does_not_look_like_a_token_does_not_wake_the_function(header: str, passes: bool) -> None:
    """API Gateway compares the whole header with the expression and answers 401 by itself."""
    assert bool(re.fullmatch(TOKEN_SHAPE.removesuffix("$"), header)) == passes
