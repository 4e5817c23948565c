"""Two CloudFormation templates beside each other: the effects of their resources."""

import json
from typing import Any

Template = dict[str, Any]

_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}


def effects(template: Template, parameters: dict[str, str]) -> dict[str, Any]:
    """Each resource by its type: its properties with all functions resolved, and its policies.

    A resource's logical ID is its author's choice, so a reference reads as the type. The one order
    that counts, of what is created first, is that of references and DependsOn.
    """
    resources, declared = template["Resources"], template["Parameters"]
    defaults = {name: it["Default"] for name, it in declared.items() if "Default" in it}
    types = {name: resource["Type"] for name, resource in resources.items()}
    values = {**_PSEUDO, **defaults, **parameters, **types}
    found = {}
    for resource in resources.values():
        after = resource.get("DependsOn", [])
        names = [after] if isinstance(after, str) else after
        found[resource["Type"]] = {
            "Properties": _resolved(resource["Properties"], values),
            "DependsOn": sorted(values[name] for name in names),
            "DeletionPolicy": resource.get("DeletionPolicy", "Delete"),
            "UpdateReplacePolicy": resource.get("UpdateReplacePolicy", "Delete"),
        }
    assert len(found) == len(resources)
    return found


def _resolved(written: Any, values: dict[str, str]) -> Any:
    match written:
        case list():
            return [_resolved(each, values) for each in written]
        case str():
            return _plain(written)
        case {"Ref": name}:
            return values[name]
        case {"Fn::Sub": str(text)}:
            for name, value in values.items():
                text = text.replace(f"${{{name}}}", value)
            return _plain(text)
        case {"Fn::Join": [separator, parts]}:
            texts = (each if isinstance(each, str) else _resolved(each, values) for each in parts)
            return _plain(separator.join(texts))
        case dict():
            return {key: _resolved(value, values) for key, value in written.items()}
    return written


def _plain(text: str) -> Any:
    """JSON as its value; a dynamic reference without the parts that it leaves empty."""
    if text.startswith("{{resolve:"):
        return text.removesuffix("}}").rstrip(":") + "}}"
    return json.loads(text) if text.startswith("{") else text
