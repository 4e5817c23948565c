"""An execution's input: what an operator writes, and what the rotation function does."""

from dataclasses import dataclass

from rotation.errors import InvalidInputError, RotationError, error_named

_ACCEPTED = (
    '{"SecretId": "<name or ARN of the secret>"}, with "DryRun": true beside it to only check, or '
    '"ReplaceUnknownPassword": true to replace a password on the user that the secret does not hold'
)


@dataclass(frozen=True)
class ExecutionInput:
    """``token`` is the version that Secrets Manager has staged; None in a run by hand.

    ``replace_unknown_password`` goes on although AWSCURRENT does not log in.
    ``create_secret_error`` is why createSecret could not give it a value.
    """

    secret_id: str
    dry_run: bool = False
    token: str | None = None
    create_secret_error: RotationError | None = None
    replace_unknown_password: bool = False

    @classmethod
    def parse(cls, data: object) -> "ExecutionInput":
        """Read an execution's input.

        Raises:
            InvalidInputError: names the key, and what is accepted.
        """

        def wrong(problem: str) -> InvalidInputError:
            return InvalidInputError(f"The execution's input {problem}. Accepted: {_ACCEPTED}.")

        if not isinstance(data, dict):
            raise wrong("is not a JSON object")
        types = {
            "SecretId": str,
            "DryRun": bool,
            "ReplaceUnknownPassword": bool,
            "ClientRequestToken": str,
            "Attempt": int,
            "CreateSecretError": dict,
        }
        for key, value in data.items():
            if key not in types:
                raise wrong(f'has a key "{str(key)[:60]}" that is not known')
            if type(value) is not types[key] or value == "":
                raise wrong(f'has a "{key}" of the wrong type')
            if isinstance(value, str) and not value.isprintable():
                raise wrong(f'has a "{key}" with characters that do not print')
        if "SecretId" not in data:
            raise wrong('has no "SecretId"')
        token = data.get("ClientRequestToken")
        if token is not None and not 32 <= len(token) <= 64:
            raise wrong('has a "ClientRequestToken" that is not of 32 to 64 characters')
        failed, error = data.get("CreateSecretError"), None
        if failed is not None:
            try:
                error = error_named(failed["Error"])(str(failed["Cause"]))
            except (KeyError, TypeError):
                raise wrong('has a "CreateSecretError" that is none') from None
        replace = data.get("ReplaceUnknownPassword", False)
        return cls(data["SecretId"], data.get("DryRun", False), token, error, replace)
