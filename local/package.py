"""Packages template.yaml: what it names on this disk becomes objects of a bucket.

``python -m local.package BUCKET`` (`make package`) writes them to dist/, with a template from which
SAM's transform is gone: CloudFormation, StackSets, the CDK and Terraform take it as it is.
"""

import argparse
import copy
import hashlib
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

ROOT = Path(__file__).resolve().parent.parent
#: Of a bucket, whose name may have the region or the account in it (S3 guide, naming rules).
_PLACEHOLDER = r"\$\{AWS::(?:Region|AccountId)\}"
_BUCKET = re.compile(
    rf"(?!.*\.\.)(?:[a-z0-9]|{_PLACEHOLDER})(?:[a-z0-9.-]|{_PLACEHOLDER}){{0,61}}"
    rf"(?:[a-z0-9]|{_PLACEHOLDER})"
)
_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*|")

Template = dict[str, Any]


class PackageError(Exception):
    """Nothing was packaged; the text says why."""


@dataclass(frozen=True)
class Package:
    """Zip archives of the functions and of the layer, and a runtime instead of the template's."""

    functions: bytes
    layer: bytes
    runtime: str = ""


def lambda_package() -> Package:
    """The functions, and the layer as `sam build` makes it; raises PackageError."""
    command = ["make", "--silent", "--directory", str(ROOT / "dependencies"), "build-Dependencies"]
    with tempfile.TemporaryDirectory() as layer:
        built = subprocess.run(
            [*command, f"ARTIFACTS_DIR={layer}"], capture_output=True, text=True, check=False
        )
        if built.returncode:
            last = (built.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PackageError(f"The layer was not built by dependencies/Makefile. {last}")
        return Package(archive(files(ROOT / "functions", "*.py")), archive(files(Path(layer))))


def files(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    """The contents of its files, at any depth, by path in the folder."""
    paths = (path for path in folder.rglob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def archive(contents: Mapping[str, bytes]) -> bytes:
    """A zip archive of files by path: of the same ones, the same bytes at any time."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as zip_file:
        for path, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(path)  # of 1980
            entry.external_attr = (0o755 if content.startswith(b"#!") else 0o644) << 16
            zip_file.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def read_template() -> Template:
    """template.yaml, parsed."""
    return parse_template((ROOT / "template.yaml").read_text())


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """SAM's own takes ten times as long: it is not in C."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def parse_template(text: str) -> Template:
    """A template in YAML, with CloudFormation's functions in their long form."""
    parsed: Template = yaml.load(text, _Loader)  # noqa: S506
    return parsed


def packaged(
    source: Template, package: Package, bucket: str, prefix: str = ""
) -> tuple[Template, dict[str, bytes]]:
    """The SAM template with its code and definition in the bucket, and these, by key.

    A key has its content's digest in it, since CloudFormation looks at keys alone.
    """
    made, objects = copy.deepcopy(source), dict[str, bytes]()

    def stored(name: str, content: bytes, kind: str = "zip") -> dict[str, Any]:
        key = f"{prefix}{name}-{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
        objects[key] = content
        return {"Bucket": {"Fn::Sub": bucket} if "${" in bucket else bucket, "Key": key}

    # Its files are on this disk.
    del made["Metadata"]["AWS::ServerlessRepo::Application"]
    function = made["Globals"]["Function"]
    function["CodeUri"] = stored("functions", package.functions)
    function["Runtime"] = package.runtime or function["Runtime"]
    for resource in made["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = stored("layer", package.layer)
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            definition = (ROOT / properties["DefinitionUri"]).read_bytes()
            properties["DefinitionUri"] = stored("definition", definition, "json")
    return made, objects


def without_sam(sam_template: Template, region: str = "us-east-1") -> Template:
    """The template as CloudFormation sees it, once SAM's own transform is applied.

    On AWS the transform knows the region and the parameters; nothing here depends on either.
    """
    # As slow to import as all the rest, and of no use to a deployment.
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    made: Template = translator.translate(copy.deepcopy(sam_template), parameter_values={})
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all was written, 1 when not."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("bucket", help="where the archives will be, in the region of the stack")
    parser.add_argument("prefix", nargs="?", default="", help="of their keys, such as a/b")
    parser.add_argument("--directory", type=Path, default=Path("dist"))
    options = parser.parse_args(arguments)
    bucket, prefix, directory = options.bucket, options.prefix.strip("/"), options.directory
    try:
        _write(bucket, prefix, directory)
    except (PackageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path in sorted(directory.iterdir()):
        print(f"{path.stat().st_size / 1000:7.0f} KB  {path}")
    if "${" in bucket:
        print(f"\nUpload {directory} to the bucket of each region: docs/deploying.md, StackSets.")
        return 0
    print(
        f"\naws s3 sync {directory} s3://{bucket}/{prefix}\n"
        "aws cloudformation deploy --stack-name elasticache-rotation \\\n"
        "  --capabilities CAPABILITY_IAM \\\n"
        f"  --template-file {directory}/template.json --s3-bucket {bucket} \\\n"
        "  --parameter-overrides SubnetIds=SUBNET_ID,SUBNET_ID SecurityGroupIds=SECURITY_GROUP_ID"
    )
    return 0


def _write(bucket: str, prefix: str, directory: Path) -> None:
    if not bucket:
        raise PackageError("say make package BUCKET=my-bucket, with PREFIX=a/b if you like.")
    if not _BUCKET.fullmatch(bucket):
        raise PackageError(f"BUCKET={bucket} is not the name of a bucket.")
    if not _PREFIX.fullmatch(prefix):
        raise PackageError(f"PREFIX={prefix} is not a prefix of keys, such as rotation/0.2.0.")
    folder = f"{prefix}/" if prefix else ""
    sam_template, objects = packaged(read_template(), lambda_package(), bucket, folder)
    directory.mkdir(parents=True, exist_ok=True)
    for kind in ("functions", "layer", "definition"):
        for old in directory.glob(f"{kind}-*"):
            old.unlink()
    for key, content in objects.items():
        (directory / key.removeprefix(folder)).write_bytes(content)
    text = json.dumps(without_sam(sam_template), indent=2)
    (directory / "template.json").write_text(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
