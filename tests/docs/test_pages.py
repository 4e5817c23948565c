"""The links, the tests and the commands that the pages name exist."""

import functools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from awscli.clidriver import create_clidriver
from botocore.validate import validate_parameters

from tests.docs.pages import PAGES, ROOT, named_tests, names_of_tests

#: Commands that are several calls: the CLI sends them at once, and waits.
OF_MANY_CALLS = ("aws s3 ", "aws cloudformation deploy ")

# -- links


def anchors_of(page: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(path: Path, page: str) -> list[str]:
    broken = []
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        text = page if file == path else file.read_text() if file.is_file() else ""
        if not file.exists() or (anchor and anchor not in anchors_of(text)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert broken_links(ROOT / page, PAGES[page]) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = "# A\n[1](#a) [2](#b) [3](vpc.md#ipv6) [4](vpc.md#x) [5](no.md) [6](https://x)"
    assert broken_links(ROOT / "docs/limits.md", page) == ["#b", "vpc.md#x", "no.md"]


def test_the_readme_leads_to_every_page() -> None:
    linked = {*re.findall(r"\((docs/[\w-]+\.md)\)", PAGES["README.md"])}
    assert linked == {page for page in PAGES if page.startswith("docs/")}


# -- tests


def test_every_test_that_a_page_names_exists() -> None:
    named = {test for page in PAGES.values() for test in named_tests(page)}
    assert len(named) > 100
    assert {(path, test) for path, test in named if test not in names_of_tests(path)} == set()


# -- commands


def commands_in(page: str) -> list[str]:
    """Every `aws ...` in a fenced block or in backticks, on one line."""
    page = re.sub(r"\\\n\s*", "", page)
    in_text = [" ".join(command.split()) for command in re.findall(r"`(aws [^`]+)`", page)]
    lines = re.findall(r"^ *(aws [a-z0-9-]+ [a-z].*)$", page, re.M)
    commands = [re.split(r" [|>] ", line)[0].strip() for line in lines + in_text]
    return [one for one in commands if "..." not in one and not one.startswith(OF_MANY_CALLS)]


COMMANDS = sorted({command for page in PAGES.values() for command in commands_in(page)})
driver = functools.cache(create_clidriver)  # it keeps each service's model


@pytest.fixture
def _cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The AWS CLI up to the call: its arguments, and the call's by botocore's model."""

    def invoke(self: object, service: str, operation: str, parameters: Any, _: object) -> int:
        parameters.pop("PaginationConfig", None)  # the CLI's own
        model = driver().session.get_service_model(service)
        shape = model.operation_model(operation).input_shape
        validate_parameters(parameters, shape)
        for name, value in parameters.items():
            allowed = getattr(shape.members[name], "enum", None)
            if allowed and value not in allowed:
                raise ValueError(f"{name} is not one of {allowed}")
        return 0

    # No abbreviated options, which only version 1 of the CLI takes.
    monkeypatch.setattr("argparse.ArgumentParser._get_option_tuples", lambda self, option: [])
    monkeypatch.setattr("awscli.clidriver.CLIOperationCaller.invoke", invoke)
    # The files that the pages have the reader write.
    mode = '{"Type": "password", "Passwords": ["a-password"]}'
    for file, text in {"secret.json": "{}", "pending.json": "{}", "mode.json": mode}.items():
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)


def send(command: str) -> None:
    command = command.replace("VERSION_ID", "30fb105b-2f0f-4fa4-ade5-760062c2ab66")
    if driver().main(shlex.split(command)[1:]):
        raise ValueError(command)


#: What no command of a page may have: one of each kind.
REFUSED = [
    "aws elasticache describe-user --user-id x",
    "aws elasticache modify-user --user-id x --authentication-mode Type=password,Words=x",
    "aws secretsmanager restore-secret",
    "aws secretsmanager describe-secret --secret-id x --query 'A['",
    "aws stepfunctions list-executions --state-machine-arn x --status RUNNING",
    "aws stepfunctions list-executions --state-machine-arn x --status-filter WAITING",
]


@pytest.mark.usefixtures("_cli")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_aws_cli_accepts_a_command(command: str) -> None:
    send(command)


@pytest.mark.usefixtures("_cli")
@pytest.mark.parametrize("command", REFUSED)
def test_a_command_that_the_aws_cli_refuses_is_noticed(command: str) -> None:
    with pytest.raises((ValueError, SystemExit)):
        send(command)


def test_the_commands_of_the_pages_are_found() -> None:
    assert len(COMMANDS) > 90
