# SPDX-License-Identifier: GPL-2.0-or-later
# Tests wait for what they want to see, not for time to pass: no sleep of half a second or more (a
# shorter one inside a loop with a deadline is how to ask again).
import re

SLEEP = re.compile(
    r"\b(?:time\.)?sleep\(\s*([\d.]+)\s*\)|^\s*sleep\s+([\d.]+)\b|sleep_for\(.*?(?:seconds\(|\b)(\d+)s?\)")


def check(tree):
    for name in tree.written():
        if not name.startswith("tests/") or name.startswith("tests/lint/"):
            continue
        for number, line in tree.lines(name):
            match = SLEEP.search(line)
            if match and "milli" not in line and "micro" not in line:
                if float(next(group for group in match.groups() if group)) >= 0.5:
                    yield f"{name}:{number}: wait for the event, not for time: {line.strip()}"
