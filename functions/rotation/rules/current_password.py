"""The proof that AWSCURRENT is the password that clients use: it logs in."""

from rotation.adapters.login import NodeConnection
from rotation.errors import CurrentPasswordRefusedError
from rotation.records.target import Target


def check_current_password(target: Target, password: str | None, node: NodeConnection) -> bool:
    """Whether no unknown password is replaced: AWSCURRENT's logs in, where it can.

    It cannot where the secret holds none yet, or the user is off until its first rotation.

    Raises:
        CurrentPasswordRefusedError: it does not, and the execution's input does not say to go on.
    """
    if target.turn_on:
        return True
    if password is None:
        return not target.replace_unknown_password
    if node.accepts(password):
        return True
    if target.replace_unknown_password:
        return False
    raise CurrentPasswordRefusedError(
        f"AWSCURRENT of secret {target.secret_arn} does not log in on {node.endpoint}. Clients may "
        "use another password, which a rotation would remove. Correct the secret: put the password "
        f"of user {target.username} that clients use into it. If nobody uses another one, start an "
        'execution by hand with "ReplaceUnknownPassword": true in its input.'
    )
