"""``make model``: every rule in all bounds, then the shortest trace without each of them."""

import sys
from concurrent.futures import ProcessPoolExecutor

from tools.model.bounds import LARGE, LEFT_OUT, SMALL
from tools.model.explore import Result, explore
from tools.model.state import Bounds, World


def all_rules(bounds: Bounds) -> Result:
    return explore(World(bounds))


def without(rule: str) -> Result:
    """As many states as show what goes wrong."""
    return explore(World(LEFT_OUT[rule], rule), first=True)


def _print(name: str, result: Result) -> None:
    found = "" if result.found else ", nothing found"
    lines = [f"{name}: {result.states} states, {result.ends} ends, {result.seconds:.0f} s{found}"]
    for kind, trace in result.found.items():
        lines += [f"   {kind}", *(f"      {what}" for what in trace)]
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def main() -> int:
    """Returns 1 if the rules break a promise, or a rule is left out and none is broken."""
    wrong = False
    with ProcessPoolExecutor() as pool:
        every = SMALL | LARGE
        for name, result in zip(every, pool.map(all_rules, every.values()), strict=True):
            _print(name, result)
            wrong |= bool(result.found)
        for rule, result in zip(LEFT_OUT, pool.map(without, LEFT_OUT), strict=True):
            _print(f"without {rule}", result)
            wrong |= not result.found
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
