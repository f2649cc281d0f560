# SPDX-License-Identifier: GPL-2.0-or-later
# A file with a #! line can be executed, and an executable file has one.
import os


def check(tree):
    for name in tree.written():
        executable = os.access(tree.root / name, os.X_OK) and (tree.root / name).stat().st_mode & 0o111
        program = tree.text(name).startswith("#!")
        if program and not executable:
            yield f"{name}:1: has a #! line and is not executable; chmod +x or drop the line"
        if executable and not program:
            yield f"{name}:1: is executable and has no #! line; chmod -x"
