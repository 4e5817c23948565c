"""The cases as Step Functions Local reads them; ``python -m tools.asl.mock_config`` writes them.

https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html
"""

import json
from collections.abc import Mapping, Sequence

from tools.asl.answers import MACHINE, MOCK_CONFIG, USUAL, Answer, Json, Throw, caught
from tools.asl.cases import cases, pascal


def mock_config() -> str:
    """The text of MockConfigFile.json."""
    responses: dict[str, Json] = {}
    test_cases: dict[str, Json] = {}
    for case in cases():
        chosen = test_cases.setdefault(case.name, {})
        for task in case.tasks:
            if task in case.answers:
                chosen[task] = f"{pascal(task)}Of{case.name}"
                responses[chosen[task]] = _numbered(
                    [_response(task, answer) for answer in case.answers[task]]
                )
            else:
                chosen[task] = f"{pascal(task)}Succeeds"
                responses[chosen[task]] = {"0-99": _response(task, USUAL[task])}
    return (
        f'{{"StateMachines": {{"{MACHINE}": {{"TestCases": {_lines(test_cases)}}}}},\n'
        f'"MockedResponses": {_lines(responses)}}}\n'
    )


def _lines(shape: Mapping[str, Json]) -> str:
    each = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in shape.items())
    return "{\n" + ",\n".join(each) + "\n}"


def _response(task: str, answer: Answer) -> Json:
    if isinstance(answer, Throw):
        return {"Throw": caught(task, answer)}
    return {"Return": {"StatusCode": 200, "Payload": answer}}


def _numbered(responses: Sequence[Json]) -> Json:
    """Equal ones in a row have one key: ``{"0-5": ..., "6": ...}``."""
    found: Json = {}
    first = 0
    for number, response in enumerate(responses):
        if responses[number + 1 : number + 2] != [response]:
            found[f"{first}-{number}" if number > first else str(number)] = response
            first = number + 1
    return found


if __name__ == "__main__":
    MOCK_CONFIG.write_text(mock_config())
