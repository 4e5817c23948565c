"""`make examples` compares two templates; here, that it notices what differs."""

import copy
from typing import Any

import pytest

from tools.examples.templates import effects

PARAMETERS = {"Id": "app"}
PASSWORD = "{{resolve:secretsmanager:${Secret}:SecretString:p}}"
ONE: dict[str, Any] = {
    "Parameters": {"Id": {"Type": "String"}},
    "Resources": {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": {"Fn::Sub": "elasticache/${Id}"}, "Description": '{"a": 1}'},
        },
        "User": {
            "Type": "AWS::ElastiCache::User",
            "DependsOn": "Secret",
            "Properties": {"Passwords": [{"Fn::Sub": PASSWORD}]},
        },
    },
}
REFERENCE = {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "S1"}, ":SecretString:p::}}"]]}
SAME: dict[str, Any] = {
    "Parameters": {"Id": {"Type": "String", "Default": "app"}},
    "Resources": {
        "S1": {
            "Type": "AWS::SecretsManager::Secret",
            "DeletionPolicy": "Delete",
            "Properties": {"Name": "elasticache/app", "Description": '{"a":1}'},
        },
        "U1": {
            "Type": "AWS::ElastiCache::User",
            "DependsOn": ["S1"],
            "Properties": {"Passwords": [REFERENCE]},
        },
    },
}


def test_the_same_in_other_words_is_the_same() -> None:
    assert effects(ONE, PARAMETERS) == effects(SAME, {})


@pytest.mark.parametrize(
    "resource, part, value",
    [
        ("S1", "Properties", {"Name": "elasticache/app", "Description": '{"a": 2}'}),
        ("S1", "DeletionPolicy", "Retain"),
        ("U1", "DependsOn", []),
        ("U1", "Properties", {"Passwords": ["{{resolve:secretsmanager:x:SecretString:p}}"]}),
    ],
)
def test_what_differs_is_noticed(resource: str, part: str, value: Any) -> None:
    other = copy.deepcopy(SAME)
    other["Resources"][resource][part] = value
    assert effects(ONE, PARAMETERS) != effects(other, {})
