"""docs/parameters.md: what `sam deploy --guided` asks for, since it shows names and defaults alone.

``python -m tools.template.parameters`` writes the table anew from template.yaml.
"""

import re
from pathlib import Path
from typing import Any

from local.package import read_template

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/parameters.md"
_HEADS = ("parameter", "default", "what it is", "values")
_TABLE = re.compile(r"(?<=<!-- parameters:begin -->\n).*(?=<!-- parameters:end -->)", re.S)


def table(template: dict[str, Any]) -> str:
    """Every parameter in Markdown, in the groups in which the console shows them.

    Raises:
        ValueError: of a parameter that does not say which values are allowed.
    """
    form = template["Metadata"]["AWS::CloudFormation::Interface"]
    lines = list[str]()
    for group in form["ParameterGroups"]:
        lines += [f"## {group['Label']['default']}", "", f"| {' | '.join(_HEADS)} |"]
        lines += [f"|{' --- |' * len(_HEADS)}"]
        for name in group["Parameters"]:
            parameter = template["Parameters"][name]
            cells = (
                f"`{name}`",
                f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty",
                parameter["Description"],
                _values(parameter),
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(["", *lines])


def with_table(page: str, template: dict[str, Any]) -> str:
    """The page with the table between its marks."""
    return _TABLE.sub(lambda _: table(template), page)


def _values(parameter: dict[str, Any]) -> str:
    match parameter:
        case {"AllowedValues": list(values)}:
            return ", ".join(f"`{value}`" for value in values)
        case {"ConstraintDescription": str(description)}:
            return description
        case {"Type": "CommaDelimitedList"}:
            return "ids, with commas between them"
        case {"MaxLength": int(length)}:
            return f"up to {length} characters"
    raise ValueError(f"Which values are allowed is not said: {parameter}")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(), read_template()))
