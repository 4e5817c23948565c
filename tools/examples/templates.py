"""Two CloudFormation templates beside each other: what their resources come to."""

import json
from typing import Any

Template = dict[str, Any]

_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}


def effects(template: Template, parameters: dict[str, str]) -> dict[str, Any]:
    """Each resource by its type: its properties with all functions resolved, and its policies.

    A resource's logical ID is its author's choice, so a reference reads as the type. The one order
    that counts, of what is made first, is that of references and DependsOn.
    """
    resources = template["Resources"]
    values = {
        **_PSEUDO,
        **{
            name: each["Default"]
            for name, each in template["Parameters"].items()
            if "Default" in each
        },
        **parameters,
        **{name: each["Type"] for name, each in resources.items()},
    }
    found = {}
    for each in resources.values():
        after = each.get("DependsOn", [])
        found[each["Type"]] = {
            "Properties": _resolved(each["Properties"], values),
            "DependsOn": sorted(
                values[name] for name in ([after] if isinstance(after, str) else after)
            ),
            "DeletionPolicy": each.get("DeletionPolicy", "Delete"),
            "UpdateReplacePolicy": each.get("UpdateReplacePolicy", "Delete"),
        }
    assert len(found) == len(resources)
    return found


def _resolved(written: Any, values: dict[str, str]) -> Any:
    if isinstance(written, list):
        return [_resolved(each, values) for each in written]
    if isinstance(written, str):
        return _plain(written)
    if not isinstance(written, dict):
        return written
    match written:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Sub": str(text)}:
            for name, value in values.items():
                text = text.replace(f"${{{name}}}", value)
            return _plain(text)
        case {"Fn::Join": [separator, parts]}:
            texts = (each if isinstance(each, str) else _resolved(each, values) for each in parts)
            return _plain(separator.join(texts))
    return {key: _resolved(value, values) for key, value in written.items()}


def _plain(text: str) -> Any:
    """JSON as what it says; a dynamic reference without the parts that it leaves empty."""
    if text.startswith("{{resolve:"):
        return text.removesuffix("}}").rstrip(":") + "}}"
    return json.loads(text) if text.startswith("{") else text
