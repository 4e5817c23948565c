"""docs/operations.md, command by command, as a person types them; whatever form output has."""

import json
import re
import textwrap
from pathlib import Path

from tests.commands.test_commands import ROOT, shell, up

PAGES = [ROOT / "README.md", ROOT / "examples/README.md", *ROOT.glob("docs/*.md")]
PAGE = (ROOT / "docs/operations.md").read_text()
NAME = "production/sessions/app"
BLOCKS = [textwrap.dedent(block) for block in re.findall(r" *```sh\n(.*?)```", PAGE, re.S)]
[SECRET] = re.findall(r"```json\n(.*?)```", PAGE, re.S)
BEFORE = "echo app production/sessions/app > users.txt"

#: An answer that a command, a comparison or a file takes.
READ_AGAIN = re.compile(r"\$\(aws[^()]*(?:\([^()]*\)[^()]*)*\)|\baws [^\n|>]*[|>][^\n]*")
#: By turns; AWS CLI 2 has YAML as well. A form that is named is the same with all.
FORMS = ("text", "json")
BEGINS = re.compile(r"\b(rotate-secret|start-execution)\b")
#: A person takes longer between two commands than Secrets Manager for what was begun.
LATER = """
while [ "$(aws secretsmanager describe-secret --secret-id production/sessions/app --output text \
  --query "length(values(VersionIdsToStages)[?@==['AWSPENDING']])" 2>/dev/null || echo 0)" != 0 ]
do sleep 0.2; done
"""


def test_what_is_read_again_says_in_which_form_it_is_wanted() -> None:
    text = "\n".join(page.read_text() for page in PAGES).replace("\\\n", " ")
    blocks = re.findall(r"^ *```(?:sh)?\n(.*?)^ *```$|^ *```.*?```$", text, re.S | re.M)
    read = [found for block in blocks for found in READ_AGAIN.findall(block)]
    assert len(read) > 20
    assert [each for each in read if "--output" not in each] == []


def test_the_page_from_the_first_command_to_the_last(tmp_path: Path) -> None:
    marks = [
        f"export AWS_DEFAULT_OUTPUT={FORMS[number % 2]}\n"
        f"{block}\n{LATER if BEGINS.search(block) else ''}\necho END {number}\n"
        for number, block in enumerate(BLOCKS)
    ]
    switches = ("--parameter", "OverdueCheck=true", "--parameter", "Alarms=true")
    with up(tmp_path, "--modifying-seconds", "0.2", *switches):
        (tmp_path / "secret.json").write_text(SECRET)
        output = shell(tmp_path, f"cd {tmp_path}\n{BEFORE}\n" + "".join(marks))
        assert f"END {len(BLOCKS) - 1}" in output
        # The daily check, by hand, just after a rotation: it finds nothing.
        assert '{"Checked": 1, "OverdueSecrets": 0, "Findings": []}' in output
        assert output.count("Alarm-") == 7
        # What was started came to a good end: the dry run, and each rotation.
        assert len(re.findall(r"^[\s\"]*SUCCEEDED\b", output, re.M)) == 3
        assert not re.search(r"^[\s\"]*FAILED\b", output, re.M)
        found = shell(tmp_path, f"aws secretsmanager describe-secret --secret-id {NAME}")
        assert json.loads(found)["RotationEnabled"] is False
        read = f"aws secretsmanager get-secret-value --secret-id {NAME} --query SecretString"
        secret = json.loads(json.loads(shell(tmp_path, read)))
        assert secret["host"] == "redis.internal"
        assert secret["password"] != json.loads(SECRET)["password"]
        assert not {"secret.json", "new", "current", "mode.json", "pending.json"} & {
            each.name for each in tmp_path.iterdir()
        }
        found = shell(tmp_path, "aws elasticache describe-users --user-id app")
        [user] = json.loads(found)["Users"]
        assert user["Authentication"] == {"Type": "password", "PasswordCount": 2}
        assert user["UserGroupIds"] == ["apps"]
