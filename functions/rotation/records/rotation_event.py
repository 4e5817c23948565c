"""The event that Secrets Manager sends to the rotation function."""

import re
from dataclasses import dataclass, field

from rotation.errors import CrossAccountRotationError, InvalidInputError

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

#: PutSecretValue's RotationToken (API reference).
_ROTATION_TOKEN = re.compile(r"[a-zA-Z0-9-]{36,256}")


@dataclass(frozen=True)
class RotationEvent:
    """One step of a rotation (user guide, "Rotation by Lambda function").

    ``version_id`` is the event's ClientRequestToken. ``rotation_token`` is sensitive and differs in
    each step; only PutSecretValue gets it. It is empty in an event that a person wrote.
    """

    step: str
    secret_id: str
    version_id: str
    rotation_token: str = field(default="", repr=False)

    @classmethod
    def parse(cls, event: object, account: str) -> "RotationEvent":
        """Read an event; ``account`` is the function's own.

        Raises:
            InvalidInputError: names the key.
            CrossAccountRotationError: the secret is in another account.
        """
        if not isinstance(event, dict):
            event = {}
        for key in ("Step", "SecretId", "ClientRequestToken"):
            value = event.get(key)
            # A lone surrogate is not printable, and cannot be encoded as UTF-8.
            if not isinstance(value, str) or not value or not value.isprintable():
                raise InvalidInputError(
                    f'The event has no "{key}". This function is called by Secrets Manager; to '
                    "rotate by hand, start an execution of the state machine."
                )
        if event["Step"] not in STEPS:
            raise InvalidInputError(f'The event\'s "Step" is not one of {", ".join(STEPS)}.')
        token = event.get("RotationToken", "")
        if token and not (isinstance(token, str) and _ROTATION_TOKEN.fullmatch(token)):
            raise InvalidInputError(
                'The event\'s "RotationToken" does not have 36 to 256 letters, digits and hyphens.'
            )
        account_in_arn = event["SecretId"].split(":")[4:5]
        if account_in_arn and account_in_arn != [account]:
            raise CrossAccountRotationError(
                f"Secret {event['SecretId']} is in another account than this function, which is in "
                f"{account}. Deploy the stack in the secret's account."
            )
        return cls(event["Step"], event["SecretId"], event["ClientRequestToken"], token)
