# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing is called Daemon, Manager, Helper, Util, Common, Misc or Globals: such names take anything in.
import re

EMPTY = r"(Daemon|Manager|Helper|Helpers|Util|Utils|Common|Misc|Globals?)"
TYPE = re.compile(rf"^\s*(?:class|struct|namespace)\s+(?:\w*{EMPTY}|{EMPTY.lower()})\b(?!.*;\s*$)")
FILE = re.compile(r"(^|[/_-])(manager|helpers?|utils?|common|misc|globals?)\.(cpp|hpp|py|sh)$")


def check(tree):
    for name in tree.files:
        if FILE.search(name):
            yield f"{name}:1: a file name must say what is inside"
    for name in tree.sources():
        if name.startswith("tests/"):
            continue
        for number, line in tree.lines(name):
            if TYPE.match(line):
                yield f"{name}:{number}: a name must say what the thing does: {line.strip()}"
