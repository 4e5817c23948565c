"""`make package`: a template for people without SAM, and what it names."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local import package as module
from local.package import Package, Template, archive, files, main, packaged, without_sam
from tests.template.test_template import ROOT, TEMPLATE
from tools.template.cloudformation import functions

PACKAGE = Package(b"functions", b"layer")


def locations(template: Template) -> list[tuple[Any, str]]:
    """Bucket and key of what each function, layer and state machine is made of."""
    kinds = {
        "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
        "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
        "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", "Bucket", "Key"),
    }
    found = []
    for resource in template["Resources"].values():
        if resource["Type"] in kinds:
            where, bucket, key = kinds[resource["Type"]]
            location = resource["Properties"][where]
            found.append((location[bucket], location[key]))
    return found


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "lambda_package", lambda: PACKAGE)
    return tmp_path / "dist"


def write(dist: Path, *arguments: str) -> Template:
    assert main([*arguments, "--directory", str(dist)]) == 0
    template: Template = json.loads((dist / "template.json").read_text())
    return template


def test_the_template_needs_no_sam_and_finds_all_its_code(
    dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = write(dist, "my-bucket", "rotation/0.2.0")
    assert "Transform" not in template
    assert not [each for each in template["Resources"].values() if "Serverless" in each["Type"]]
    named = locations(template)
    # Of each function, the layer and the definition.
    assert len(named) == len(functions(TEMPLATE)) + 2
    written = {f"rotation/0.2.0/{path.name}" for path in dist.glob("*-*")}
    assert {*named} == {("my-bucket", key) for key in written}
    assert "aws s3 sync" in capsys.readouterr().out


def test_a_bucket_of_each_region_can_be_named(
    dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For StackSets: Lambda takes code from a bucket in its own region."""
    for name in ("code-${AWS::Region}", "${AWS::AccountId}-code"):
        for bucket, _ in locations(write(dist, name)):
            assert bucket == {"Fn::Sub": name}
        # A shell would put nothing in the place of the region.
        assert "$" not in capsys.readouterr().out


def test_only_what_was_written_last_is_in_the_directory(dist: Path) -> None:
    dist.mkdir()
    for name in ("functions-0123456789abcdef.zip", "definition-0123456789abcdef.json"):
        (dist / name).write_bytes(b"of an older release")
    write(dist, "my-bucket")
    assert sorted(path.suffix for path in dist.iterdir()) == [".json", ".json", ".zip", ".zip"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["My_Bucket"], "BUCKET=My_Bucket is not"),
        (["s3://my-bucket"], "BUCKET=s3://my-bucket is not"),
        (["my..bucket"], "BUCKET=my..bucket is not"),
        (["my-bucket-"], "BUCKET=my-bucket- is not"),
        (["my-bucket", "a b"], "PREFIX=a b is not"),
    ],
)
def test_what_no_bucket_takes_is_refused(
    dist: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main([*arguments, "--directory", str(dist)]) == 1
    assert said in capsys.readouterr().err
    assert not dist.exists()


def test_a_layer_that_cannot_be_built_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "make").write_text("#!/bin/sh\necho 'No network' >&2\nexit 1\n")
    (tmp_path / "make").chmod(0o755)
    assert main(["my-bucket", "--directory", str(tmp_path / "dist")]) == 1
    assert "The layer was not built by dependencies/Makefile. No network" in capsys.readouterr().err


def test_make_hands_the_names_over_as_they_were_typed(tmp_path: Path) -> None:
    """`${...}` is make's own as well."""
    command = ["make", "--dry-run", "package", "BUCKET=code-${AWS::Region}", "PREFIX=a/b"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "local.package 'code-${AWS::Region}' 'a/b'" in printed


def test_other_code_has_another_key_and_the_same_code_the_same() -> None:
    def keys(package: Package) -> list[str]:
        return list(packaged(TEMPLATE, package, "my-bucket")[1])

    before = keys(PACKAGE)
    assert keys(PACKAGE) == before
    assert len({*before} & {*keys(Package(b"other", b"layer"))}) == len(before) - 1


def test_an_archive_of_the_same_files_is_the_same(tmp_path: Path) -> None:
    for name, order in (("one", [0, 1, 2]), ("two", [2, 0, 1])):
        for number in order:
            path = tmp_path / name / f"folder/{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(number))
    one, two = (archive(files(tmp_path / name)) for name in ("one", "two"))
    assert one == two
    (tmp_path / "zip").write_bytes(one)
    shutil.unpack_archive(tmp_path / "zip", tmp_path / "out", "zip")
    assert files(tmp_path / "out") == files(tmp_path / "one")


def test_one_template_serves_every_region_and_whatever_the_parameters_are() -> None:
    """On AWS, SAM's transform knows both."""
    sam_template, _ = packaged(TEMPLATE, PACKAGE, "my-bucket")
    expected = without_sam(sam_template)
    changed = json.loads(json.dumps(sam_template))
    for name, parameter in changed["Parameters"].items():
        parameter["Default"] = f"another {name}"
    made = without_sam(changed, "cn-north-1")
    del made["Parameters"]
    assert made == {key: value for key, value in expected.items() if key != "Parameters"}
