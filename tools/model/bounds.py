"""What is explored."""

from tools.model.people import FIELDS, PASSWORDS
from tools.model.state import Bounds, Left

#: In a few seconds.
SMALL = {
    "one by hand": Bounds(Left(hand=1, stop=1, late=1, fault=1)),
    "one of Secrets Manager": Bounds(Left(sm=1, stop=1, late=1, fault=1)),
    "two by hand": Bounds(Left(hand=2, stale=1)),
    "one of each": Bounds(Left(hand=1, sm=1)),
    "a first one": Bounds(Left(hand=1, person=1, stop=1), ("edit", "unpend"), "", ""),
    "a first one, user on": Bounds(Left(sm=1), (), "", "U"),
    "a wrong password in the secret": Bounds(Left(hand=1, sm=1), (), "C", "U"),
    "a person and fields": Bounds(Left(sm=1, person=1, stop=1), FIELDS),
    "a person and passwords": Bounds(Left(sm=1, person=1, stop=1), PASSWORDS),
    "a person saves what is there": Bounds(Left(hand=1, person=1), ("same",)),
}
#: In minutes.
LARGE = {
    "by hand": Bounds(Left(hand=2, stop=1, late=1, fault=1)),
    "both": Bounds(Left(hand=1, sm=1, stop=1, late=1, fault=1)),
    "scheduled": Bounds(Left(sm=2, stop=1, late=1, fault=1)),
    "undisturbed": Bounds(Left(hand=2, sm=1)),
    "two late, by hand": Bounds(Left(hand=2, stop=2, late=2)),
    "two late, scheduled": Bounds(Left(sm=1, stop=2, late=2, fault=2)),
    "stale, by hand": Bounds(Left(hand=2, stop=1, fault=1, stale=2)),
    "stale, both": Bounds(Left(hand=1, sm=1, stale=2)),
    "stale, scheduled": Bounds(Left(sm=1, stop=1, late=1, fault=1, stale=2)),
    "stale, fields": Bounds(Left(sm=1, person=2, stop=1, stale=1), FIELDS),
    "deleted": Bounds(Left(hand=1, sm=1, person=1, stop=1, deleted=1), FIELDS),
    "fields, by hand": Bounds(Left(hand=2, person=1, stop=1, fault=1), FIELDS),
    "fields, both": Bounds(Left(hand=1, sm=1, person=1, stop=1), FIELDS),
    "fields, scheduled": Bounds(Left(sm=2, person=1, stop=1, fault=1), FIELDS),
    "fields, AWSPENDING stays": Bounds(Left(sm=2, person=2, stop=1), FIELDS, clears=False),
    "fields, created when staged": Bounds(
        Left(sm=1, person=2, stop=1, fault=1), FIELDS, staged=True
    ),
    "passwords, both": Bounds(Left(hand=1, sm=1, person=1, stop=1), PASSWORDS),
    "passwords, scheduled": Bounds(Left(sm=2, person=2), PASSWORDS),
    "first, by hand": Bounds(Left(hand=2, stop=1, late=1, fault=1), (), "", ""),
    "first, both": Bounds(Left(hand=1, sm=1, stop=1, late=1), (), "", ""),
    "first, fields": Bounds(Left(sm=1, hand=1, person=1, stop=1), FIELDS, "", ""),
    "nodes": Bounds(Left(hand=1, sm=1, stop=1), nodes=2, lag=True),
}
#: For each rule where leaving it out shows.
LEFT_OUT = {
    "wait": Bounds(Left(hand=2)),
    "modify_pending": Bounds(Left(hand=2)),
    "modify_current": Bounds(Left(hand=2)),
    "equal_current": Bounds(Left(hand=1, person=1), ("same",)),
    "promote_pending": Bounds(Left(hand=2)),
    "promote_swap": Bounds(Left(hand=1, person=1), ("edit",)),
    "text": Bounds(Left(sm=1, person=1, stop=1), ("edit",)),
    "older": Bounds(Left(sm=1, person=2, stop=1), PASSWORDS),
    "previous": Bounds(Left(sm=1, person=1, stop=1), ("restore",)),
    "create_by_hand": Bounds(Left(hand=1, sm=1, person=1), ("unpend",)),
    "off_after_failure": Bounds(Left(hand=1, fault=1)),
    "off_after_success": Bounds(Left(hand=1, person=1), ("restore",)),
    "close_waits": Bounds(Left(hand=1, late=1, fault=1)),
    "close_looks": Bounds(Left(hand=1, fault=1)),
    "current_logs_in": Bounds(Left(hand=1), (), "C", "U"),
    "first_logs_in": Bounds(Left(hand=1), (), "", "U"),
    "first_any_version": Bounds(Left(hand=1, person=1, stop=1), ("unpend",), "", ""),
}
