"""AWS's own function, SecretsManagerElasticacheUserRotation/lambda_function.py, from a path.

It is a stranger's text: it is run as a Lambda or a module, and never copied into the repository.
"""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

#: Where it stops itself; its steps may wait this long each.
TIMEOUT_SECONDS = 900
#: What it needs to know, and a comma besides: its own exclusions forget it, ElastiCache does not.
SETTINGS = {"EXCLUDE_CHARACTERS": "/@\"'\\,", "PASSWORD_LENGTH": "32"}
_ITS_PARTS = {"lambda_handler", "set_secret", "finish_secret", "wait_for_user_be_active"}


class NotTheReferenceError(Exception):
    """The path is not that of the function; the text is one line."""


def check(path: Path) -> Path:
    """The path, if the function is there.

    Raises:
        NotTheReferenceError
    """
    try:
        parsed = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotTheReferenceError(f"REFERENCE {path}: {error.strerror}.") from None
    except (SyntaxError, ValueError):
        raise NotTheReferenceError(f"REFERENCE {path}: it is no Python file.") from None
    missing = _ITS_PARTS - {
        each.name for each in ast.walk(parsed) if isinstance(each, ast.FunctionDef)
    }
    if missing:
        raise NotTheReferenceError(
            f"REFERENCE {path}: it has no {min(missing)}(). Name "
            "SecretsManagerElasticacheUserRotation/lambda_function.py of "
            "aws-samples/aws-secrets-manager-rotation-lambdas."
        )
    return path


def load(path: Path, name: str) -> ModuleType:
    """The function as a module of that name, which is imported for others, too."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module
    return module
