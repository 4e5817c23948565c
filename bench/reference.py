"""AWS's own function, SecretsManagerElasticacheUserRotation/lambda_function.py, from a path.

It belongs to AWS: it is run as a Lambda function or a module, and never copied into the repository.
"""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

#: Each of its steps may wait this long.
TIMEOUT_SECONDS = 900
#: Its environment variables. Its own exclusions lack the comma, which ElastiCache refuses.
SETTINGS = {"EXCLUDE_CHARACTERS": "/@\"'\\,", "PASSWORD_LENGTH": "32"}
_ITS_PARTS = {"lambda_handler", "set_secret", "finish_secret", "wait_for_user_be_active"}


class BenchError(Exception):
    """Nothing was done; the text is one line."""


def check(path: Path) -> Path:
    """The path; raises BenchError if the function is not there."""
    try:
        parsed = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"REFERENCE {path}: {error.strerror}.") from None
    except (SyntaxError, ValueError):
        raise BenchError(f"REFERENCE {path}: it is not a Python file.") from None
    missing = _ITS_PARTS - {
        each.name for each in ast.walk(parsed) if isinstance(each, ast.FunctionDef)
    }
    if missing:
        raise BenchError(
            f"REFERENCE {path}: it has no {min(missing)}(). Name "
            "SecretsManagerElasticacheUserRotation/lambda_function.py of "
            "aws-samples/aws-secrets-manager-rotation-lambdas."
        )
    return path


def load(path: Path, name: str) -> ModuleType:
    """The function as a module of that name, in `sys.modules`, too."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module
    return module
