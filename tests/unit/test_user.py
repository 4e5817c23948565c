"""An ElastiCache user, and whether its password may be rotated."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation import errors
from rotation.records.secret import SecretValue
from rotation.records.user import User, user_id_in
from rotation.rules.user_check import check_rotatable, check_user_arn
from tests.unit.leaks import assert_no_leak
from tests.unit.values import (
    CURRENT_PASSWORD,
    SECRET_ARN,
    USER_ARN,
    USER_ID,
    make_user,
    secret_text,
)

VALUE = SecretValue.parse(secret_text(CURRENT_PASSWORD), "")
WITHOUT = SecretValue.parse(secret_text(None), "")


@pytest.mark.parametrize(
    "access_string, enabled",
    [
        ("on ~* +@all", True),
        ("off ~* +@all", False),
        ("~* +@all", False),
        ("", False),
        ("off on", True),
        ("ON ~*", True),
        ("on ~* OFF", False),
        ("~on* +@all", False),
        ("on ~off* +@all", True),
        ("on ~app:* -@all +get (~temp:* -@all +set)", True),
        ("on clearselectors resetkeys ~prod:* resetchannels -@all +client|setname", True),
        ("on reset ~* +@all", False),
        ("reset on ~* +@all", True),
    ],
)
def test_the_last_switch_decides_and_the_default_is_off(access_string: str, enabled: bool) -> None:
    assert make_user(access_string=access_string).enabled is enabled


@given(
    st.lists(
        st.sampled_from(["on", "off", "~*", "~on*", "+@all", "-@dangerous", "(~x +get)", "reset"])
    )
)
def test_the_enabled_access_string_is_on_and_keeps_all_rules_in_order(tokens: list[str]) -> None:
    user = make_user(access_string=" ".join(tokens))
    assert make_user(access_string=user.enabled_access_string).enabled
    rules = [token for token in " ".join(tokens).split() if token not in ("on", "off")]
    after = user.enabled_access_string.split()
    assert [token for token in after if token != "on"] == rules
    assert after.count("on") == 1
    if "reset" not in rules:
        assert after[0] == "on"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("user_id", [USER_ID, "App-ID"])
def test_a_user_is_in_the_partition_of_its_secret(partition: str, user_id: str) -> None:
    user_arn = USER_ARN.replace(USER_ID, user_id)
    arns = (arn.replace("arn:aws:", f"arn:{partition}:") for arn in (user_arn, SECRET_ARN))
    check_user_arn(*arns)
    assert user_id_in(user_arn) == USER_ID


@pytest.mark.parametrize(
    "user_arn, problem",
    [
        ("app-id", "is not the ARN"),
        ("arn:aws:iam::123456789012:user:app", "is not the ARN"),
        *(
            (USER_ARN.replace(USER_ID, user_id), "is not the ARN")
            for user_id in ("", "1app", "app/other", "app\n", "app*")
        ),
        (CURRENT_PASSWORD, "is not the ARN"),
        (USER_ARN.replace("123456789012", "12345678901"), "is not the ARN"),
        (USER_ARN.replace(":user:", ":usergroup:"), "is the ARN of a user group"),
        (USER_ARN.replace("arn:aws:", "arn:aws-cn:"), "another partition"),
        (USER_ARN.replace("us-east-1", "eu-west-1"), "another region"),
        (USER_ARN.replace("123456789012", "210987654321"), "another account"),
    ],
)
def test_an_arn_of_no_user_beside_the_secret_is_refused(user_arn: str, problem: str) -> None:
    with pytest.raises(errors.UserMismatchError, match=problem) as caught:
        check_user_arn(user_arn, SECRET_ARN)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


OFF = "off ~* +@all"
NEW_USER = make_user(authentication="no-password", password_count=0, access_string=OFF)


@pytest.mark.parametrize(
    "user, value",
    [
        (make_user(), VALUE),
        (make_user(status="modifying"), VALUE),
        (make_user(password_count=2), VALUE),
        (make_user(authentication="no-password", password_count=0), VALUE),
        (NEW_USER, VALUE),
        (make_user(password_count=0, access_string=OFF), VALUE),
        # A user's own "default" is not AWS's.
        (make_user(name="default"), replace(VALUE, username="default")),
        # The first rotation. Valkey has no user without a password: a throw-away one stands in.
        (NEW_USER, WITHOUT),
        (make_user(access_string=OFF), WITHOUT),
    ],
)
def test_a_user_can_be_rotated(user: User, value: SecretValue) -> None:
    check_rotatable(user, value, SECRET_ARN)


@pytest.mark.parametrize(
    "user, value, error, words",
    [
        (make_user(user_id="default", name="default"), VALUE, errors.UserNotRotatableError, "AWS"),
        (make_user(name="another"), VALUE, errors.UserMismatchError, '"username"'),
        (make_user(name="App"), VALUE, errors.UserMismatchError, '"username"'),
        (make_user(authentication="iam"), VALUE, errors.UserNotRotatableError, '"iam"'),
        (make_user(status="creating"), VALUE, errors.UserBusyError, "being created"),
        (make_user(status="deleting"), VALUE, errors.UserStatusError, "deleting"),
        (make_user(status="unheard-of"), VALUE, errors.UserStatusError, "unheard-of"),
        (make_user(access_string=OFF), VALUE, errors.UserDisabledError, "off"),
        (make_user(access_string="~* +@all"), VALUE, errors.UserDisabledError, "off"),
        (replace(NEW_USER, authentication="iam"), WITHOUT, errors.UserNotRotatableError, '"iam"'),
        *(
            (make_user(), replace(VALUE, password=password), errors.SecretFormatError, "16 to 128")
            for password in ("short", "with,comma~with,comma", "x" * 129, "ümlaut" * 4)
        ),
    ],
)
def test_a_user_whose_password_must_not_be_changed_is_refused(
    user: User, value: SecretValue, error: type[errors.RotationError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        check_rotatable(user, value, SECRET_ARN)
    assert_no_leak(filter(None, [value.password]), error=caught.value)
