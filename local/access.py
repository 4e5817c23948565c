"""IAM: whether a role's policies, or a function's resource policy, allow a call.

ministack holds what `template.yaml` deployed and has the evaluator; it enforces its own services
(AUTH=true). Here the same evaluator stands before moto's services and Step Functions' invocations.
A function is known by the access key of its role. Actions, resources and condition keys are those
of https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ministack.core import iam_evaluator

from local.faults.answers import Answer, error_answer, lambda_error

Document = Mapping[str, Any]

# ElastiCache: the parameter that names the resource, and the resource's type in its ARN.
_NAMED_BY = {
    "DescribeUsers": ("UserId", "user"),
    "ModifyUser": ("UserId", "user"),
    "DescribeUserGroups": ("UserGroupId", "usergroup"),
    "DescribeReplicationGroups": ("ReplicationGroupId", "replicationgroup"),
    "DescribeCacheClusters": ("CacheClusterId", "cluster"),
    "DescribeServerlessCaches": ("ServerlessCacheName", "serverlesscache"),
}
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
_KEY_USES = {
    "GetSecretValue": ["kms:Decrypt"],
    "PutSecretValue": ["kms:GenerateDataKey", "kms:Decrypt"],
}
# https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas/issues/53
_KEY_REFUSAL = "Access to KMS is not allowed"


@dataclass(frozen=True)
class Call:
    """What a policy is asked about; `context` has condition keys in lower case."""

    principal: str
    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def refusal(self) -> str:
        """IAM's words.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        return (
            f"User: {self.principal} is not authorized to perform: {self.action} on resource: "
            f"{self.resource} because no identity-based policy allows the {self.action} action"
        )


def allows(documents: Sequence[Document], call: Call) -> bool:
    """Whether identity policies allow the call."""
    return _evaluated([iam_evaluator.parse_policy_document(dict(each)) for each in documents], call)


def admits(policy: Document, call: Call) -> bool:
    """Whether the policy of a function, or the trust of a role, allows a service's call.

    The principal is the service's: "secretsmanager.amazonaws.com".
    """
    result = iam_evaluator.evaluate_resource_policy(
        dict(policy), _eval_context(call), service=call.principal
    )
    return bool(result.decision == "Allow")


def caller(headers: Mapping[str, str], account: str) -> Any:
    """Whose access key a request is signed with: ministack's PrincipalInfo, or its AuthError."""
    scope = re.search(r"Credential=([^/,]+)/", headers.get("Authorization", ""))
    return iam_evaluator.resolve_principal(scope[1] if scope else "", account)


def session_of(role_arn: str, function: str) -> str:
    """The ARN of the session in which a function of that role runs.

    The session's name is the function's (Lambda developer guide, "Execution role").
    """
    prefix, _, name = role_arn.replace(":iam:", ":sts:").partition(":role/")
    return f"{prefix}:assumed-role/{name.rpartition('/')[2]}/{function}"


class Access:
    """Stands before the services of moto, and remembers what the stack's roles have asked."""

    def __init__(
        self,
        account: str,
        region: str,
        secret: Callable[[str], Any],
        user_tags: Callable[[str], Mapping[str, str]],
    ) -> None:
        """`secret` finds moto's secret by name or ARN, or None; `user_tags` those that IAM sees."""
        self._account, self._region = account, region
        self._secret, self._user_tags = secret, user_tags
        self._asked: dict[str, Call] = {}  # by its JSON: a call counts once

    def asked(self) -> list[dict[str, Any]]:
        """Every different call that was decided on, allowed or not, as JSON."""
        return [asdict(call) for call in list(self._asked.values())]

    def answer(self, service: str, request: Any, dispatch: Callable[[], Answer]) -> Answer:
        """The answer to a request, or the service's own refusal of it."""
        principal = caller(request.headers, self._account)
        if isinstance(principal, iam_evaluator.AuthError):
            return error_answer(service, "deny", principal.message)
        if principal.policies is not None:
            for call in self._calls(principal.arn, service, request):
                if not self._decide(principal.policies, call, principal.limits):
                    by_key = call.action.startswith("kms:")
                    return error_answer(service, "deny", _KEY_REFUSAL if by_key else call.refusal)
        return dispatch()

    def watch_invocations(self, lambda_client: Any, role_arn: str) -> Any:
        """The Lambda client of a state machine with that role."""
        role = role_arn.rpartition("/")[2]

        def invoked(params: Mapping[str, Any], **_: Any) -> None:
            policies = iam_evaluator._gather_role_policies(role, self._account)
            principal = f"arn:aws:sts::{self._account}:assumed-role/{role}/machine"
            call = Call(principal, "lambda:InvokeFunction", params["FunctionName"])
            if not self._decide(policies, call):
                raise lambda_error("AccessDeniedException", 403, call.refusal)

        lambda_client.meta.events.register("provide-client-params.lambda.Invoke", invoked)
        return lambda_client

    def _decide(self, policies: Any, call: Call, limits: Any = ()) -> bool:
        self._asked[json.dumps(asdict(call), sort_keys=True)] = call
        return _evaluated(policies, call, limits)

    def _calls(self, principal: str, service: str, request: Any) -> Iterator[Call]:
        """The request as IAM sees it; one that uses a customer's key is a call to KMS, too."""
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        operation = target or request.values.get("Action", "")
        parameters = json.loads(request.get_data() or b"{}") if target else request.values
        action = f"{service}:{operation}"
        prefix = f"arn:aws:{service}:{self._region}:{self._account}"
        if name := parameters.get("SecretId", ""):
            secret = self._secret(name)
            arn = secret.arn if secret else name if ":" in name else f"{prefix}:secret:{name}"
            yield Call(principal, action, arn, {"secretsmanager:secretid": name})
            key = (secret and secret.kms_key_id) or ""
            if key.startswith("arn:aws:kms:"):
                via = {"kms:viaservice": f"secretsmanager.{self._region}.amazonaws.com"}
                for use in _KEY_USES.get(operation, []):
                    yield Call(principal, use, key, via)
        elif service == "elasticache":
            parameter, kind = _NAMED_BY.get(operation, ("", ""))
            arn = f"{prefix}:{kind}:{parameters.get(parameter, '*')}" if kind else "*"
            arn = parameters.get("ResourceName", arn)
            tags = self._user_tags(arn).items()
            yield Call(principal, action, arn, {f"aws:resourcetag/{k}".lower(): v for k, v in tags})
        else:
            names = (parameters.get(key) for key in ("stateMachineArn", "executionArn"))
            yield Call(principal, action, next(filter(None, names), "*"))


def _evaluated(policies: Any, call: Call, limits: Any = ()) -> bool:
    return bool(iam_evaluator.evaluate(_eval_context(call), policies, *limits).decision == "Allow")


def _eval_context(call: Call) -> Any:
    parts = [*call.resource.split(":"), *[""] * 5]
    return iam_evaluator.EvalContext(
        call.principal,
        "AssumedRole",
        parts[4],
        call.action,
        call.resource,
        parts[3],
        service_context=dict(call.context),
    )
