"""Talks to a running local AWS, from another process."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from local.faults.kinds import FaultError
from local.instance import LocalAwsError


def control(url: str, method: str, faults: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Sets, drops or lists faults at a LOCAL_CONTROL_URL; see `Faults.control`.

    Raises FaultError if one is wrong (none is set then), and LocalAwsError if nothing answers.
    """
    listed: list[dict[str, Any]] = ask(f"{url}/faults", method, list(faults))
    return listed


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    """Asks the local AWS something that is no AWS API, by JSON; raises as `control` does."""
    request = urllib.request.Request(url, json.dumps(body or []).encode(), method=method)  # noqa: S310
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        raise FaultError(refused.read().decode()) from None
    except OSError:
        raise LocalAwsError(f"Nothing answers at {url}: is the local AWS still running?") from None
