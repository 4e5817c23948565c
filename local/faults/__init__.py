"""Faults on demand: what the local AWS can be told to do wrong.

One table says what there is; the parser, ``--list-faults`` and docs/local-aws.md follow it. In the
child process one `Faults` decides, and the services ask it where something can go wrong. Calls are
those that the functions make, which the bootstrap in local/deploy.py makes known by their process;
those of a person or a test that looks on are neither counted nor hit.
"""

from local.faults.answers import Answer, error_answer, lambda_error
from local.faults.armed import SECRETS_MANAGER, STEP_FUNCTIONS, Call, Faults
from local.faults.control import ask, control
from local.faults.kinds import (
    ARGUMENTS,
    KINDS,
    UNREACHABLE,
    Fault,
    FaultError,
    apis,
    functions,
    lambda_errors,
    parse,
    reads,
    states,
    table,
)
from local.faults.past import Past

__all__ = [
    "ARGUMENTS",
    "KINDS",
    "SECRETS_MANAGER",
    "STEP_FUNCTIONS",
    "UNREACHABLE",
    "Answer",
    "Call",
    "Fault",
    "FaultError",
    "Faults",
    "Past",
    "apis",
    "ask",
    "control",
    "error_answer",
    "functions",
    "lambda_error",
    "lambda_errors",
    "parse",
    "reads",
    "states",
    "table",
]
