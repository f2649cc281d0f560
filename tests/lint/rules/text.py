# SPDX-License-Identifier: GPL-2.0-or-later
# Text files are UTF-8, end with a newline, have no trailing blanks and no carriage returns; C++ and
# Python have no tabs.


def check(tree):
    for name in tree.written():
        raw = tree.bytes(name)
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            yield f"{name}:1: not UTF-8: {error}"
            continue
        if raw and not raw.endswith(b"\n"):
            yield f"{name}: no newline at the end"
        for number, line in enumerate(raw.split(b"\n"), 1):
            if line != line.rstrip(b" \t\r") and not name.endswith(".md"):
                yield f"{name}:{number}: blanks or a carriage return at the end of the line"
            if b"\t" in line and name.endswith((".cpp", ".hpp", ".py")):
                yield f"{name}:{number}: a tab; write \\t or blanks"
