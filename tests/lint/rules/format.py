# SPDX-License-Identifier: GPL-2.0-or-later
# C++ is formatted by clang-format 14 (Debian 12's) with the tree's .clang-format; other versions
# disagree about details, so only that one is asked.
import re
import shutil
import subprocess


def formatter():
    for name in ("clang-format-14", "clang-format"):
        if shutil.which(name):
            version = subprocess.run([name, "--version"], capture_output=True, text=True).stdout
            if re.search(r"version 14\.", version):
                return name
    return None


def check(tree):
    program = formatter()
    if program is None:
        print("        clang-format 14 is not here: the formatting was NOT checked")
        return
    for start in range(0, len(tree.sources()), 40):
        result = subprocess.run([program, "--dry-run", "-Werror", *tree.sources()[start:start + 40]],
                                cwd=tree.root, capture_output=True, text=True)
        unformatted = dict.fromkeys(re.findall(r"^(\S+?):(?=\d+:\d+: error)", result.stderr, re.M))
        for name in unformatted:
            yield f"{name}:1: not formatted; run clang-format -i on it"
