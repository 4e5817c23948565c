"""What CloudFormation makes of a template: parameters, conditions, rules, and the order.

A template is the parsed YAML, with CloudFormation's functions in their long form:
``{"Fn::GetAtt": ["Role", "Arn"]}``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.package import Package, Template, packaged, without_sam

#: Values of parameters by name.
Values = Mapping[str, str]
NO_VALUE = {"Ref": "AWS::NoValue"}


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of each resource of a type, by its logical id."""
    resources = template["Resources"].items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == kind}


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of each function by its logical id, with what Globals gives them all."""
    shared = template["Globals"]["Function"]
    found = {}
    for name, properties in of_type(template, "AWS::Serverless::Function").items():
        own = properties.get("Environment", {}).get("Variables", {})
        variables = {**shared["Environment"]["Variables"], **own}
        found[name] = {**shared, **properties, "Environment": {"Variables": variables}}
    return found


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy, but for those that say who may assume a role.

    Its Action is a list.
    """

    def documents(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict) and "Effect" in value:
            yield {**value, "Action": leaves(value.get("Action", []))}
        elif isinstance(value, dict | list):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                if key != "AssumeRolePolicyDocument":
                    yield from documents(inner)

    for name, resource in template["Resources"].items():
        for statement in documents(resource.get("Properties", {})):
            yield name, statement


def leaves(value: Any) -> list[str]:
    """Every text in a value."""
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return [leaf for inner in inside for leaf in leaves(inner)]
    return [str(value)]


def translated(template: Template) -> Template:
    """What SAM makes of the template, with the code in a bucket, as `sam deploy` uploads it."""
    return without_sam(packaged(template, Package(b"", b""), "bucket")[0])


def circles(template: Template) -> list[Any]:
    """Resources that wait for each other; CloudFormation refuses them.

    cfn-lint sees none through what SAM makes, such as the substitutions of a definition: so it is
    asked about what SAM makes of the template.
    """
    from cfnlint.template import Template as Linted

    linted = Linted("template.json", translated(template), ["us-east-1"])
    return [*linted.graph.get_cycles(linted)]


def defaults(template: Template) -> dict[str, str]:
    """Of its parameters."""
    parameters = template["Parameters"].items()
    return {
        "AWS::Partition": "aws",
        **{name: str(each.get("Default", "")) for name, each in parameters},
    }


def is_accepted(template: Template, values: Values) -> bool:
    """Whether the template's rules hold for the values, and the defaults of all others."""
    values = {**defaults(template), **values}
    return all(
        not _holds(rule["RuleCondition"], template, values)
        or all(_holds(each["Assert"], template, values) for each in rule["Assertions"])
        for rule in template["Rules"].values()
    )


def is_deployed(template: Template, resource: str, values: Values) -> bool:
    """Whether the resource's condition holds, if it has one."""
    condition = template["Resources"][resource].get("Condition")
    values = {**defaults(template), **values}
    return not condition or bool(_holds({"Condition": condition}, template, values))


def chosen(template: Template, values: Values) -> Template:
    """The template with every Fn::If decided, by these values and the defaults of the others."""
    values = {**defaults(template), **values}

    def decided(value: Any) -> Any:
        match value:
            case {"Fn::If": [str(condition), yes, no]}:
                return decided(yes if _holds({"Condition": condition}, template, values) else no)
            case dict():
                inside = {key: decided(inner) for key, inner in value.items()}
                return {key: inner for key, inner in inside.items() if inner != NO_VALUE}
            case list():
                return [each for each in map(decided, value) if each != NO_VALUE]
        return value

    found: Template = decided(template)
    return found


def resolved(value: Any, values: Values) -> str:
    """A text of a ``chosen`` template, with the names of resources for what they are."""
    match value:
        case str(text):
            return text
        case {"Ref": str(name)}:
            return values.get(name, name)
        case {"Fn::Sub": str(text)}:
            return resolved({"Fn::Sub": [text, {}]}, values)
        case {"Fn::Sub": [str(text), dict(more)]}:
            own = {**values, **{key: resolved(inner, values) for key, inner in more.items()}}
            return re.sub(r"\$\{(.+?)\}", lambda match: own.get(match[1], match[1]), text)
    raise ValueError(f"Not a text: {value}")


def _holds(condition: Any, template: Template, values: Values) -> Any:
    """CloudFormation's condition functions, as far as they are used."""
    match condition:
        case {"Condition": str(name)}:
            return _holds(template["Conditions"][name], template, values)
        case {"Ref": str(name)}:
            return values[name]
        case {"Fn::Equals": [left, right]}:
            return _holds(left, template, values) == _holds(right, template, values)
        case {"Fn::Not": [inner]}:
            return not _holds(inner, template, values)
        case {"Fn::And": list(inner)}:
            return all(_holds(each, template, values) for each in inner)
        case {"Fn::Or": list(inner)}:
            return any(_holds(each, template, values) for each in inner)
        case {"Fn::Join": ["", {"Ref": str(name)}]}:
            return values[name].replace(",", "")
        case {"Fn::EachMemberEquals": [{"Ref": str(name)}, str(member)]}:
            return all(each == member for each in values[name].split(","))
        case str(text):
            return text
    raise ValueError(f"Not a condition of a rule: {condition}")
