"""Faults on demand: how the local AWS is made to fail.

One table says what there is; the parser, ``--list-faults`` and docs/local-aws.md follow it. In the
child process one `Faults` decides, and the services ask it where something can go wrong. Calls are
those that the functions make; those of a person or a test are neither counted nor hit.
"""

from local.faults.answers import lambda_error as lambda_error
from local.faults.armed import SECRETS_MANAGER as SECRETS_MANAGER
from local.faults.armed import STEP_FUNCTIONS as STEP_FUNCTIONS
from local.faults.armed import Faults as Faults
from local.faults.control import ask as ask
from local.faults.control import control as control
from local.faults.kinds import KINDS as KINDS
from local.faults.kinds import UNREACHABLE as UNREACHABLE
from local.faults.kinds import FaultError as FaultError
from local.faults.kinds import apis as apis
from local.faults.kinds import functions as functions
from local.faults.kinds import lambda_errors as lambda_errors
from local.faults.kinds import parse as parse
from local.faults.kinds import states as states
from local.faults.kinds import table as table
from local.faults.past import Past as Past
