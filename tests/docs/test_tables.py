"""The tables of the security, local AWS, VPC and architecture pages are as the code is."""

import json
import re
from itertools import chain
from pathlib import Path

import pytest

from local.package import read_template
from tests.docs.pages import PAGES, ROOT, named_tests, names_of_tests, quoted, rows, section
from tools.template.cloudformation import chosen, statements

THREATS = rows(section("security.md", "Threats"))
KNOWN = section("local-aws.md", "What is known of AWS, and where it is tested")
FACTS = [rows(part, "fact") for part in KNOWN.split("\n### ")[1:]]
#: Files whose every test answers a threat.
WHOLLY = ("test_redirected", "test_least_privilege")

# -- what is claimed, and the tests that prove it


@pytest.mark.parametrize("row", [*THREATS, *chain(*FACTS)], ids=lambda row: row[0][:40])
def test_every_threat_and_every_fact_has_a_test(row: list[str]) -> None:
    *claim, proof = row
    assert all(claim)
    if row in THREATS or not (reason := re.fullmatch(r"None: (.+)", proof)):
        assert named_tests(proof)
        assert re.sub(r"`[^`]+`|,|\s", "", proof) == ""
    else:
        assert len(reason[1].split()) > 3


def test_no_test_of_the_policies_is_forgotten() -> None:
    named = {test for row in THREATS for test in named_tests(row[2])}
    for path in (f"tests/rotation/{name}.py" for name in WHOLLY):
        assert names_of_tests(path) == {test for file, test in named if file == path}


def test_secrets_manager_lambda_and_the_quotas_have_facts() -> None:
    assert [len(facts) > 3 for facts in FACTS] == [True, True, True]


# -- what the roles allow


def test_the_functions_that_read_a_value_are_named() -> None:
    text = section("security.md", "Who can do what")
    [sentence] = re.findall(r"\n\n(CheckTarget,.+?)\scan\sread\sa", text, re.S)
    readers = {
        name.removesuffix("Role")
        for name, resource in read_template()["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
        and "secretsmanager:GetSecretValue" in str(resource["Properties"]["Policies"])
    }
    assert {*re.findall(r"\w+", sentence.replace(" and", ""))} == readers


def test_each_function_has_the_actions_of_its_role() -> None:
    template = chosen(read_template(), {"NotificationTopicArn": "x", "OverdueCheck": "true"})
    roles: dict[str, set[str]] = {}
    for name, statement in statements(template):
        if name.endswith("Role") and name != "RotationStateMachineRole":
            roles.setdefault(name.removesuffix("Role"), set()).update(statement["Action"])
    *table, _state_machine = rows((ROOT / "docs/iam.md").read_text(), "function")
    for function, calls, _ in table:
        service, actions = "", set()
        for call in re.findall(r"`([\w:]+)`", calls):
            # The service stands before the first of its calls.
            service = call.partition(":")[0] if ":" in call else service
            actions.add(f"{service}:{call.rpartition(':')[2]}")
        assert actions == roles.get(function), f"docs/iam.md, {function}"
    assert {function for function, *_ in table} == {*roles}


def test_each_endpoint_has_the_functions_whose_roles_call_the_service() -> None:
    """Logs and traces are Lambda's own to send, network interfaces its own to make."""
    called: dict[str, set[str]] = {}
    for name, statement in statements(chosen(read_template(), {"NotificationTopicArn": "x"})):
        for action in statement["Action"]:
            called.setdefault(action.split(":")[0], set()).add(name.removesuffix("Role"))
    table = {
        endpoint.strip("`").removeprefix("com.amazonaws.REGION."): {
            *re.split(r", |:", functions.partition(":")[0])
        }
        for endpoint, functions in rows(section("vpc.md", "Every function in the VPC"))
    }
    assert table.keys() == {"secretsmanager", "elasticache", "states", "sns"}
    assert table == {service: called[service] for service in table}


# -- the architecture


def imported(module: Path) -> set[str]:
    """The paths in the package that it imports, and the names in them."""
    lines = re.findall(r"from rotation\.?([\w.]*) import \(?([\w, ]*)", module.read_text())
    folders = [(folder.replace(".", "/"), re.findall(r"\w+", names)) for folder, names in lines]
    names = {f"{folder}/{name}".strip("/") for folder, found in folders for name in found}
    return names | {folder for folder, _ in folders}


def test_a_module_imports_from_its_own_row_and_those_below() -> None:
    table = rows(section("architecture.md", "The functions"))
    rank = {name: place for place, row in enumerate(table) for name in quoted(row[0])}
    package = ROOT / "functions/rotation"
    paths = [path for path in package.rglob("*.py") if path.stem != "__init__"]
    modules = {path.relative_to(package).with_suffix("").as_posix(): path for path in paths}
    assert modules.keys() == rank.keys()
    imports = {(name, it) for name, path in modules.items() for it in imported(path) & {*modules}}
    assert len(imports) > 60
    assert [(name, other) for name, other in imports if rank[other] < rank[name]] == []


def test_each_field_of_the_state_is_in_the_table() -> None:
    text = (ROOT / "statemachine/rotation.asl.json").read_text()
    written = {*re.findall(r'"ResultPath": "\$\.(\w+)', text)}
    written |= {*json.loads(text)["States"]["Read Input"]["Parameters"]}
    table = rows(section("architecture.md", "The state that travels"))
    listed = {name for row in table for name in quoted(row[0])}
    assert listed == {name.removesuffix(".$") for name in written}


def test_the_functions_that_the_pages_name_exist() -> None:
    modules = {path.stem: path.read_text() for path in (ROOT / "functions/rotation").rglob("*.py")}
    text = PAGES["docs/architecture.md"] + PAGES["docs/reliability.md"]
    quotes = re.findall(r"`(\w+)\.(\w+)`", text)
    named = {(module, name) for module, name in quotes if module in modules and name != "py"}
    assert len(named) > 8
    assert [each for each in named if f"\ndef {each[1]}(" not in modules[each[0]]] == []


def test_the_files_that_the_architecture_names_exist() -> None:
    text = PAGES["docs/architecture.md"]
    named = set(re.findall(r"`((?:[\w.]+/)+(?:[\w.]+\.\w+)?)`", text)) - {"functions/NAME.py"}
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
