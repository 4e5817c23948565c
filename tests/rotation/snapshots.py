"""All that a refused rotation may not have changed."""

from typing import Any

from tests.rotation.world import FIRST_PASSWORD, Tenant


def snapshot(tenant: Tenant) -> dict[str, Any]:
    """The secret with all its versions, the user, and whether the first password logs in."""
    secrets, arn = tenant.world.secrets, {"SecretId": tenant.secret_arn}
    is_deleted = "DeletedDate" in secrets.describe_secret(**arn)
    if is_deleted:
        secrets.restore_secret(**arn)
    texts = {}
    for version in tenant.labels():
        found = secrets.get_secret_value(**arn, VersionId=version)
        texts[version] = found.get("SecretString", found.get("SecretBinary"))
    if is_deleted:
        secrets.delete_secret(**arn, RecoveryWindowInDays=7)
    logs_in = tenant.logins(FIRST_PASSWORD)
    return {"labels": tenant.labels(), "texts": texts, "user": tenant.user(), "logs in": logs_in}
