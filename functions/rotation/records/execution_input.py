"""An execution's input, from an operator or from the rotation function."""

from dataclasses import dataclass

from rotation.errors import InvalidInputError, RotationError, error_named

_ACCEPTED = (
    '{"SecretId": "<name or ARN of the secret>"}, with "DryRun": true beside it to only check, or '
    '"ReplaceUnknownPassword": true to replace a password on the user that the secret does not hold'
)
_TYPE_NAMES = {str: "a text", bool: "true or false", int: "an integer", dict: "an object"}
_TYPES: dict[str, type] = {
    "SecretId": str,
    "DryRun": bool,
    "ReplaceUnknownPassword": bool,
    "ClientRequestToken": str,
    "Attempt": int,
    "CreateSecretError": dict,
}


@dataclass(frozen=True)
class ExecutionInput:
    """What an execution is to do.

    Args:
        version_id: the version that Secrets Manager staged (``ClientRequestToken``); None in a run
            by hand.
        create_secret_error: why createSecret could not give that version a value.
        replace_unknown_password: continue although AWSCURRENT does not log in.
    """

    secret_id: str
    dry_run: bool = False
    version_id: str | None = None
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
        for key, value in data.items():
            if key not in _TYPES:
                raise wrong(f'has a key "{str(key)[:60]}" that is not known')
            if type(value) is not _TYPES[key] or value == "":
                raise wrong(f'has a "{key}" that is not {_TYPE_NAMES[_TYPES[key]]}')
            if isinstance(value, str) and not value.isprintable():
                raise wrong(f'has a "{key}" with characters that do not print')
        if "SecretId" not in data:
            raise wrong('has no "SecretId"')
        version_id = data.get("ClientRequestToken")
        if version_id is not None and not 32 <= len(version_id) <= 64:
            raise wrong('has a "ClientRequestToken" that does not have 32 to 64 characters')
        failure, error = data.get("CreateSecretError"), None
        if failure is not None:
            try:
                error = error_named(failure["Error"])(str(failure["Cause"]))
            except (KeyError, TypeError):
                raise wrong('has a "CreateSecretError" without a known "Error"') from None
        replace = data.get("ReplaceUnknownPassword", False)
        return cls(data["SecretId"], data.get("DryRun", False), version_id, error, replace)
