"""docs/operations.md, command by command, as a person types them."""

import json
import re
import textwrap
from pathlib import Path

from tests.commands.test_commands import ROOT, shell, up

PAGE = (ROOT / "docs/operations.md").read_text()
NAME = "production/sessions/app"
BLOCKS = [textwrap.dedent(block) for block in re.findall(r" *```sh\n(.*?)```", PAGE, re.S)]
[SECRET] = re.findall(r"```json\n(.*?)```", PAGE, re.S)
BEFORE = "echo app production/sessions/app > users.txt"

BEGINS = re.compile(r"\b(rotate-secret|start-execution)\b")
#: A person takes longer between two commands than Secrets Manager for what was begun.
LATER = """
while [ "$(aws secretsmanager describe-secret --secret-id production/sessions/app --output text \
  --query "length(values(VersionIdsToStages)[?@==['AWSPENDING']])" 2>/dev/null || echo 0)" != 0 ]
do sleep 0.2; done
"""


def test_the_page_from_the_first_command_to_the_last(tmp_path: Path) -> None:
    marks = [
        f"{block}\n{LATER if BEGINS.search(block) else ''}\necho END {number}\n"
        for number, block in enumerate(BLOCKS)
    ]
    switches = ("--parameter", "OverdueCheck=true", "--parameter", "Alarms=true")
    with up(tmp_path, "--modifying-seconds", "0.2", *switches):
        (tmp_path / "secret.json").write_text(SECRET)
        told = shell(tmp_path, f"cd {tmp_path}\n{BEFORE}\n" + "".join(marks))
        assert f"END {len(BLOCKS) - 1}" in told
        # The daily check, by hand, just after a rotation: there is nothing to tell.
        assert '{"Checked": 1, "OverdueSecrets": 0, "Findings": []}' in told
        assert told.count("Alarm-") == 7
        # What was started came to a good end: the dry run, and each rotation.
        assert told.count('"SUCCEEDED"') == 3
        assert '"FAILED"' not in told
        found = json.loads(
            shell(tmp_path, "aws secretsmanager describe-secret --secret-id " + NAME)
        )
        assert found["RotationEnabled"] is False
        read = f"aws secretsmanager get-secret-value --secret-id {NAME} --query SecretString"
        secret = json.loads(json.loads(shell(tmp_path, read)))
        assert secret["host"] == "redis.internal"
        assert secret["password"] != json.loads(SECRET)["password"]
        assert not {"secret.json", "new", "current", "mode.json", "pending.json"} & {
            each.name for each in tmp_path.iterdir()
        }
        user = json.loads(shell(tmp_path, "aws elasticache describe-users --user-id app"))["Users"][
            0
        ]
        assert user["Authentication"] == {"Type": "password", "PasswordCount": 2}
        assert user["UserGroupIds"] == ["apps"]
