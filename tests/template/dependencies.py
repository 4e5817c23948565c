"""Which resource of the deployed template needs which other one to be there first.

CloudFormation refuses a template whose resources wait for each other in a circle. cfn-lint sees no
circle through what SAM makes, such as the substitutions of a state machine's definition: so SAM's
own translator is asked for what CloudFormation gets.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.package import Package, Template, packaged, without_sam


def translated(template: Template) -> Template:
    """What SAM makes of the template, with the code in a bucket, as `sam deploy` uploads it."""
    return without_sam(packaged(template, Package(b"", b""), "bucket")[0])


def needs(template: Template) -> dict[str, set[str]]:
    """The resources that each one refers to or depends on, by logical id."""
    resources = template["Resources"]
    return {
        name: {
            reference
            for part in (resource.get("Properties", {}), {"Ref": resource.get("DependsOn", [])})
            for reference in _references(part)
            if reference in resources
        }
        for name, resource in resources.items()
    }


def circle(needed: Mapping[str, set[str]]) -> list[str]:
    """Resources that wait for each other, from one to itself again; empty if there are none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(needed[name]):
            if found := visit(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in needed if (found := visit(name, []))), [])


def _references(value: Any) -> Iterator[str]:
    """The names in Ref, Fn::GetAtt and Fn::Sub, wherever they are in a value."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Ref": list(names)}:
            yield from names
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(path)}:
            yield path.split(".")[0]
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{([A-Za-z0-9]+)", text)
        case {"Fn::Sub": [str(text), dict(own)]}:
            names = re.findall(r"\$\{([A-Za-z0-9]+)", text)
            yield from (name for name in names if name not in own)
            yield from _references(list(own.values()))
        case dict():
            yield from _references(list(value.values()))
        case list():
            for each in value:
                yield from _references(each)
