"""The file that a shell sources, so that what is typed there reaches the local AWS alone."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from local.instance import LocalAwsError

# Each of AWS's variables and files could send a command elsewhere: by a profile, an endpoint, a
# switch that ignores endpoints. An alias or a proxy could, too. The AWS CLI knows endpoints by
# service from 1.29 and 2.13 on (https://github.com/aws/aws-cli/pull/3309).
_TEXT = """\
# For sh, bash, dash, zsh.
unset AWS_PROFILE $(env | sed -n 's/^\\(AWS_[A-Z0-9_]*\\)=.*/\\1/p')
{ unalias aws; unset -f aws; } 2>/dev/null || :
EXPORTS
PATH=${PATH-}
PATH=BIN:${PATH#BIN:}
no_proxy=${no_proxy:-${NO_PROXY-}}
no_proxy=127.0.0.1,localhost,${no_proxy#127.0.0.1,localhost,}
export PATH no_proxy NO_PROXY="$no_proxy"
[ "$(command -v aws)" = BIN/aws ] || case $(aws --version 2>&1) in
  aws-cli/1.?.* | aws-cli/1.1?.* | aws-cli/1.2[0-8].* | aws-cli/2.?.* | aws-cli/2.1[0-2].*)
    echo "warning: $(command -v aws) would ask the real AWS: it is older than 1.29 or 2.13" >&2 ;;
esac
"""


def write(file: Path, values: Mapping[str, str]) -> None:
    """Write it with the variables, and the folder of this Python's programs before all others."""
    names = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PAGER": "",
        **values,
    }
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in names.items())
    programs = shlex.quote(str(Path(sys.executable).parent))
    made = {"EXPORTS": exports, "BIN": programs}
    file.write_text(re.sub("EXPORTS|BIN", lambda found: made[found[0]], _TEXT), encoding="utf-8")


def control_url(directory: Path) -> str:
    """LOCAL_CONTROL_URL of the local AWS that runs in the folder; raises LocalAwsError."""
    try:
        text = (directory / "env").read_text(encoding="utf-8")
    except OSError:
        raise LocalAwsError(
            f"No local AWS runs in {directory}: start one, with python -m local up."
        ) from None
    [found] = re.findall(r"^export LOCAL_CONTROL_URL=(.*)$", text, re.M)
    return str(found)
