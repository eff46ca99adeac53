"""The web application firewall before the API."""

from types import MappingProxyType

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from stacks.environment import EnvironmentConfig

_COMMON = "AWSManagedRulesCommonRuleSet"
_KNOWN_BAD = "AWSManagedRulesKnownBadInputsRuleSet"
# The rules of each group that look into a body, and the labels that they leave (which AWS spells
# differently).
_LABELS = "awswaf:managed:aws"
_BODY_RULES = MappingProxyType(
    {
        _COMMON: MappingProxyType(
            {
                "SizeRestrictions_BODY": f"{_LABELS}:core-rule-set:SizeRestrictions_Body",
                "EC2MetaDataSSRF_BODY": f"{_LABELS}:core-rule-set:EC2MetaDataSSRF_Body",
                "GenericLFI_BODY": f"{_LABELS}:core-rule-set:GenericLFI_Body",
                "GenericRFI_BODY": f"{_LABELS}:core-rule-set:GenericRFI_Body",
                "CrossSiteScripting_BODY": f"{_LABELS}:core-rule-set:CrossSiteScripting_Body",
            }
        ),
        _KNOWN_BAD: MappingProxyType(
            {
                "JavaDeserializationRCE_BODY": f"{_LABELS}:known-bad-inputs:JavaDeserializationRCE_Body",
                "Log4JRCE_BODY": f"{_LABELS}:known-bad-inputs:Log4JRCE_Body",
                "ReactJSRCE_BODY": f"{_LABELS}:known-bad-inputs:ReactJSRCE_Body",
            }
        ),
    }
)


class WebAcl(Construct):
    """Managed rules, a limit for each address, and bodies that are judged everywhere but on the turn route.

    A message may be long, in any script, and about anything: rules made for web forms would turn people in
    distress away. On that route they only count; on every other one a rule of the list's own blocks what they
    labelled.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        stage_arn: str,
        turn_path: str,
    ) -> None:
        """Declare the list and associate it with the stage.

        Args:
            scope: the stack.
            construct_id: unique in the scope.
            environment: says how many requests an address may make in five minutes.
            stage_arn: the API stage to protect.
            turn_path: the end of the turn route's path, such as "/v1/turns".
        """
        super().__init__(scope, construct_id)
        labels = [label for rules in _BODY_RULES.values() for label in rules.values()]
        self.acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("All"),
            rules=[
                _rate_limit(0, environment.waf_requests_per_five_minutes),
                _managed_group(1, _COMMON),
                _managed_group(2, _KNOWN_BAD),
                _block_labelled(3, labels, turn_path),
            ],
        )
        self.association = wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn
        )


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # Samples show headers, and with them the bearer token, to everyone who may open the console: none are
    # kept.
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


def _rate_limit(priority: int, requests: int) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name="RatePerAddress",
        priority=priority,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=requests, evaluation_window_sec=300
            )
        ),
        visibility_config=_visibility("RatePerAddress"),
    )


def _managed_group(priority: int, name: str) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in _BODY_RULES[name]
                ],
            )
        ),
        visibility_config=_visibility(name),
    )


def _block_labelled(priority: int, labels: list[str], turn_path: str) -> wafv2.CfnWebACL.RuleProperty:
    statement = wafv2.CfnWebACL.StatementProperty
    labelled = [
        statement(label_match_statement=wafv2.CfnWebACL.LabelMatchStatementProperty(scope="LABEL", key=label))
        for label in labels
    ]
    on_turn_route = statement(
        byte_match_statement=wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="ENDS_WITH",
            search_string=turn_path,
            text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
        )
    )
    return wafv2.CfnWebACL.RuleProperty(
        name="BodyRulesElsewhere",
        priority=priority,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=statement(
            and_statement=wafv2.CfnWebACL.AndStatementProperty(
                statements=[
                    statement(or_statement=wafv2.CfnWebACL.OrStatementProperty(statements=labelled)),
                    statement(not_statement=wafv2.CfnWebACL.NotStatementProperty(statement=on_turn_route)),
                ]
            )
        ),
        visibility_config=_visibility("BodyRulesElsewhere"),
    )
