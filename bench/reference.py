"""AWS's published rotation function, on the local AWS: one Lambda for each secret, as it asks for.

https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas, the folder
SecretsManagerElasticacheUserRotation. Whoever has it gives it; it is not part of this project.
"""

import tempfile
from pathlib import Path
from typing import Any

from local.deploy import _zipped
from local.instance import LocalAws, LocalAwsError
from tests.local.helpers import any_role
from tests.rotation.world import Tenant

MEMORY_MB = 128


def source_of(path: Path) -> str:
    """The function's text.

    Raises:
        LocalAwsError: there is none, or it is another file.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise LocalAwsError(f"REFERENCE {path}: {error.strerror}.") from None
    if "def lambda_handler(" not in text or "elasticache" not in text:
        raise LocalAwsError(
            f"REFERENCE {path} is not SecretsManagerElasticacheUserRotation/lambda_function.py."
        )
    return text


def deploy(aws: LocalAws, source: str, tenant: Tenant) -> str:
    """Its ARN, with the environment and the memory that AWS's guide gives it."""
    functions: Any = aws.client("lambda")
    name = f"reference-{tenant.user_id}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lambda_function.py").write_text(source)
        package = _zipped(Path(folder))
    made = functions.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="lambda_function.lambda_handler",
        Role=any_role(aws),
        Code={"ZipFile": package},
        Timeout=900,
        MemorySize=MEMORY_MB,
        Environment={
            "Variables": {
                "SECRET_ARN": tenant.secret_arn,
                "USER_NAME": tenant.username,
                "SECRETS_MANAGER_ENDPOINT": aws.environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
                # Its own default forgets the comma, which ElastiCache refuses.
                "EXCLUDE_CHARACTERS": "/@\"'\\,",
            }
        },
    )
    functions.add_permission(
        FunctionName=name,
        StatementId="SecretsManager",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(made["FunctionArn"])
