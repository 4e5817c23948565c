"""An ElastiCache user, its secret, its user group and the schedule of the secret's rotation."""

import json

from aws_cdk import App, ArnFormat, CfnOutput, CfnParameter, CfnTag, Stack
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct


class RotatedUser(Construct):
    """A user that is on from the start; its password is in ``secret`` and is rotated."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        user_id: str,
        rotation_function_arn: str,
        access_string: str = "on ~app:* -@all +@read +@write +@connection",
        schedule_expression: str = "cron(0 2 1 * ? *)",
        window_duration: str = "3h",
    ) -> None:
        super().__init__(scope, construct_id)
        if not access_string.startswith("on "):
            raise ValueError(f"access_string {access_string!r} has to start with 'on '.")
        self.secret = self._secret(user_id)
        self.user_group = elasticache.CfnUserGroup(
            self,
            "UserGroup",
            user_group_id=f"{user_id}-group",
            engine="valkey",
            user_ids=[self._user(user_id, access_string).ref],
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Schedule",
            secret_id=self.secret.secret_arn,
            rotation_lambda_arn=rotation_function_arn,
            # Rotations happen in the window only, so that no update of the stack comes in between.
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=schedule_expression,
                duration=window_duration,
            ),
        )
        # The user has its password and its group by then.
        schedule.add_resource_dependency(self.user_group)

    def _secret(self, user_id: str) -> secretsmanager.Secret:
        # The user's ARN is composed, because the user itself needs the secret first.
        user_arn = Stack.of(self).format_arn(
            service="elasticache",
            resource="user",
            resource_name=user_id,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return secretsmanager.Secret(
            self,
            "Secret",
            secret_name=_secret_name(user_id),
            description=f"The password of the ElastiCache user {user_id}",
            # CloudFormation generates a new password, which the user does not have, when anything
            # in here changes. Never change it.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"username": user_id, "user_arn": user_arn}),
                generate_string_key="password",
                password_length=64,
                exclude_punctuation=True,
            ),
        )

    def _user(self, user_id: str, access_string: str) -> elasticache.CfnUser:
        return elasticache.CfnUser(
            self,
            "User",
            user_id=user_id,
            user_name=user_id,
            engine="valkey",
            access_string=access_string,
            # A reference in the template: AWSCURRENT's password, whenever the user is updated. One
            # with a version would set an old password back.
            passwords=[self.secret.secret_value_from_json("password").unsafe_unwrap()],
            # This allows the rotation to change the user: the user names its secret.
            tags=[CfnTag(key="rotation-secret", value=_secret_name(user_id))],
        )


def _secret_name(user_id: str) -> str:
    return f"elasticache/{user_id}"


app = App()
stack = Stack(app, "cache-user-app")
function_arn = CfnParameter(
    stack,
    "RotationFunctionArn",
    description="The output RotationFunctionArn of the rotation's stack.",
)
user = RotatedUser(
    stack,
    "App",
    user_id="app",
    rotation_function_arn=function_arn.value_as_string,
)
CfnOutput(stack, "SecretArn", value=user.secret.secret_arn)
CfnOutput(stack, "UserGroupId", value=user.user_group.ref)
app.synth()
