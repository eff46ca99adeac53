"""Who may sign in: people in one user pool, operators in another that nobody can join by themselves."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.environment import EnvironmentConfig

ADMIN_GROUP = "admin"
_PLANS = {"essentials": cognito.FeaturePlan.ESSENTIALS, "plus": cognito.FeaturePlan.PLUS}
_NO_PLUS = (
    "The plus plan is paid for by active users. Environments with real people have it; this one has none, "
    "and differs in nothing else."
)


class PeoplePool(Construct):
    """The people who write messages: an e-mail address and a good password are enough."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare the pool and the client that web and mobile front ends use."""
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            self_sign_up_enabled=environment.people_self_sign_up,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            email=_sender(environment),
            password_policy=_password_policy(12),
            feature_plan=_PLANS[environment.cognito_plan],
            standard_threat_protection_mode=_threat_protection(environment),
            deletion_protection=environment.retain_data,
            removal_policy=environment.removal_policy,
        )
        self.client = self.pool.add_client(
            "Client",
            # Passwords travel to Cognito only as a proof (SRP), except where a script has to sign in. The
            # administrative way in needs AWS credentials besides the password.
            auth_flows=cognito.AuthFlow(
                user_srp=True,
                user_password=environment.people_password_sign_in,
                admin_user_password=environment.people_admin_sign_in,
            ),
            disable_o_auth=True,
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            id_token_validity=Duration.hours(1),
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
        )
        acknowledge(
            self.pool,
            AwsSolutions_COG2=(
                "A second factor is offered, not demanded: somebody in distress on a borrowed or new "
                "telephone must be able to sign in. What an account can reach is its own conversations."
            ),
        )
        _acknowledge_plan(self.pool, environment)


class OperatorsPool(Construct):
    """The few who run experiments and approve promotions: invited one by one, with a second factor each."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare the pool, its group `admin` and the client of the operators' tools."""
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            self_sign_up_enabled=False,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            email=_sender(environment),
            password_policy=_password_policy(14),
            feature_plan=_PLANS[environment.cognito_plan],
            standard_threat_protection_mode=_threat_protection(environment),
            deletion_protection=environment.retain_data,
            removal_policy=environment.removal_policy,
        )
        cognito.CfnUserPoolGroup(
            self,
            "Admin",
            user_pool_id=self.pool.user_pool_id,
            group_name=ADMIN_GROUP,
            description="May change variants and decide on promotions",
        )
        self.client = self.pool.add_client(
            "Client",
            # The administrative way in, which needs AWS credentials too, is how the first operator enrols a
            # second factor before there is a page to do it on.
            auth_flows=cognito.AuthFlow(user_srp=True, admin_user_password=True),
            disable_o_auth=True,
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            id_token_validity=Duration.minutes(30),
            access_token_validity=Duration.minutes(30),
            refresh_token_validity=Duration.hours(8),
        )
        _acknowledge_plan(self.pool, environment)


def _password_policy(length: int) -> cognito.PasswordPolicy:
    return cognito.PasswordPolicy(
        min_length=length,
        require_lowercase=True,
        require_uppercase=True,
        require_digits=True,
        require_symbols=True,
        temp_password_validity=Duration.days(3),
    )


def _sender(environment: EnvironmentConfig) -> cognito.UserPoolEmail | None:
    if not environment.email_sender:
        return None
    return cognito.UserPoolEmail.with_ses(
        from_email=environment.email_sender,
        from_name="Silent Infinity",
        ses_region=Aws.REGION,
        ses_verified_domain=environment.email_sender.partition("@")[2],
    )


def _threat_protection(environment: EnvironmentConfig) -> cognito.StandardThreatProtectionMode | None:
    # Only the plus plan has it; naming it with another plan fails the deployment.
    if environment.cognito_plan == "plus":
        return cognito.StandardThreatProtectionMode.FULL_FUNCTION
    return None


def _acknowledge_plan(pool: cognito.UserPool, environment: EnvironmentConfig) -> None:
    if environment.cognito_plan != "plus":
        acknowledge(pool, AwsSolutions_COG8=_NO_PLUS)
