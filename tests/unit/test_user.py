"""An ElastiCache user, and whether its password may be rotated."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.errors import (
    RotationError,
    SecretFormatError,
    UserBusyError,
    UserDisabledError,
    UserMismatchError,
    UserNotRotatableError,
    UserStatusError,
)
from rotation.records.secret import SecretValue
from rotation.records.user import User, check_rotatable, user_id_of
from tests.unit.fakes import CURRENT_PASSWORD, SECRET_ARN, USER_ARN, USER_ID, make_user, secret_text
from tests.unit.leaks import assert_no_leak

VALUE = SecretValue.parse(secret_text(CURRENT_PASSWORD), "")
WITHOUT_PASSWORD = SecretValue.parse(secret_text(None), "")


@pytest.mark.parametrize(
    "access_string,enabled",
    [
        ("on ~* +@all", True),
        ("off ~* +@all", False),
        ("~* +@all", False),
        ("", False),
        ("off on", True),
        ("on ~* off", False),
        ("ON ~*", True),
        ("on ~* OFF", False),
        ("~on* +@all", False),
        ("on ~off* +@all", True),
        ("ON ~* +@ALL", True),
        ("on ~app:* -@all +get (~temp:* -@all +set)", True),
        ("on clearselectors resetkeys ~prod:* resetchannels -@all +client|setname", True),
        ("on reset ~* +@all", False),
        ("reset on ~* +@all", True),
    ],
)
def test_the_last_switch_decides_and_without_one_a_user_is_off(
    access_string: str, enabled: bool
) -> None:
    assert make_user(access_string=access_string).enabled is enabled


@given(
    st.lists(
        st.sampled_from(["on", "off", "~*", "~on*", "+@all", "-@dangerous", "(~x +get)", "reset"])
    )
)
def test_the_enabled_access_string_is_on_and_keeps_all_rules_in_order(tokens: list[str]) -> None:
    user = make_user(access_string=" ".join(tokens))
    enabled = make_user(access_string=user.enabled_access_string)
    assert enabled.enabled
    rules = [token for token in " ".join(tokens).split() if token not in ("on", "off")]
    after = user.enabled_access_string.split()
    assert [token for token in after if token != "on"] == rules
    assert after.count("on") == 1
    if "reset" not in rules:
        assert after[0] == "on"


def test_the_user_id_is_that_of_the_arn() -> None:
    assert user_id_of(USER_ARN, SECRET_ARN) == USER_ID


def test_the_user_id_is_the_api_key_in_lower_case() -> None:
    assert user_id_of(USER_ARN.replace(":app-id", ":App-ID"), SECRET_ARN) == USER_ID


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_other_partitions_have_users_too(partition: str) -> None:
    arns = (each.replace("arn:aws:", f"arn:{partition}:") for each in (USER_ARN, SECRET_ARN))
    user_arn, secret_arn = arns
    assert user_id_of(user_arn, secret_arn) == USER_ID


@pytest.mark.parametrize(
    "user_arn",
    [
        "app-id",
        "arn:aws:elasticache:us-east-1:123456789012:usergroup:app",
        "arn:aws:iam::123456789012:user:app",
        "arn:aws:elasticache:us-east-1:123456789012:user:",
        "arn:aws:elasticache:us-east-1:123456789012:user:1app",
        "arn:aws:elasticache:us-east-1:123456789012:user:app/other",
        "arn:aws:elasticache:us-east-1:123456789012:user:app\n",
        "arn:aws:elasticache:us-east-1:123456789012:user:app*",
        "arn:aws:elasticache:us-east-1:12345678901:user:app",
        CURRENT_PASSWORD,
    ],
)
def test_what_is_no_arn_of_a_user_is_refused_and_not_repeated(user_arn: str) -> None:
    kind = "is the ARN of a user group" if "usergroup" in user_arn else "is not the ARN"
    with pytest.raises(UserMismatchError, match=kind) as caught:
        user_id_of(user_arn, SECRET_ARN)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


@pytest.mark.parametrize(
    "old,new,field",
    [
        ("arn:aws:", "arn:aws-cn:", "partition"),
        ("us-east-1", "eu-west-1", "region"),
        ("123456789012", "210987654321", "account"),
    ],
)
def test_a_user_of_elsewhere_is_refused(old: str, new: str, field: str) -> None:
    with pytest.raises(UserMismatchError, match=f"another {field}"):
        user_id_of(USER_ARN.replace(old, new), SECRET_ARN)


OFF = "off ~* +@all"


@pytest.mark.parametrize(
    "user",
    [
        make_user(),
        make_user(status="modifying"),
        make_user(password_count=2),
        make_user(authentication="no-password", password_count=0),
        make_user(authentication="no-password", password_count=0, access_string=OFF),
        make_user(authentication="password", password_count=0, access_string=OFF),
    ],
)
def test_a_user_with_its_password_in_the_secret_can_be_rotated(user: User) -> None:
    check_rotatable(user, VALUE, SECRET_ARN)


@pytest.mark.parametrize(
    "user",
    [
        make_user(authentication="no-password", password_count=0, access_string=OFF),
        # Valkey: no user without a password, so a throw-away one stands in.
        make_user(access_string=OFF),
    ],
)
def test_an_inactive_user_can_get_its_first_password(user: User) -> None:
    check_rotatable(user, WITHOUT_PASSWORD, SECRET_ARN)


def test_a_users_own_default_can_be_rotated() -> None:
    value = dataclasses.replace(VALUE, username="default")
    check_rotatable(make_user(name="default"), value, SECRET_ARN)


@pytest.mark.parametrize(
    "user,value,error,hint",
    [
        (make_user(user_id="default", name="default"), VALUE, UserNotRotatableError, "AWS"),
        (make_user(name="another"), VALUE, UserMismatchError, '"username"'),
        (make_user(name="App"), VALUE, UserMismatchError, '"username"'),
        (make_user(authentication="iam", password_count=0), VALUE, UserNotRotatableError, '"iam"'),
        (make_user(status="creating"), VALUE, UserBusyError, "being created"),
        (make_user(status="deleting"), VALUE, UserStatusError, "deleting"),
        (make_user(status="unheard-of"), VALUE, UserStatusError, "unheard-of"),
        (make_user(access_string=OFF), VALUE, UserDisabledError, "off"),
        (make_user(access_string="~* +@all"), VALUE, UserDisabledError, "off"),
    ],
)
def test_a_user_whose_password_must_not_be_changed_is_refused(
    user: User, value: SecretValue, error: type[RotationError], hint: str
) -> None:
    with pytest.raises(error) as caught:
        check_rotatable(user, value, SECRET_ARN)
    assert user.user_id in str(caught.value)
    assert hint in str(caught.value)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


def test_an_iam_user_is_refused_even_without_a_password_in_the_secret() -> None:
    user = make_user(authentication="iam", password_count=0, access_string=OFF)
    with pytest.raises(UserNotRotatableError):
        check_rotatable(user, WITHOUT_PASSWORD, SECRET_ARN)


@pytest.mark.parametrize("password", ["short", "with,comma~with,comma", "x" * 129, "ümlaut" * 4])
def test_a_current_password_that_cannot_stay_beside_a_new_one_is_refused_untold(
    password: str,
) -> None:
    value = SecretValue.parse(secret_text(password), "")
    with pytest.raises(SecretFormatError, match="16 to 128") as caught:
        check_rotatable(make_user(), value, SECRET_ARN)
    assert_no_leak([password], error=caught.value)
