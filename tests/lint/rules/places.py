# SPDX-License-Identifier: GPL-2.0-or-later
# The tree works on every machine: no path of somebody's own, no host of a package registry. The
# machine's own package manager knows where packages come from.
import re

OWN_PATH = re.compile(r"(?<![\w.$}])/(?:home/\w+|root/\w+|work/\w*)")
REGISTRY = re.compile(
    r"\b(?:deb|security|snapshot|ftp(?:\.\w+)?)\.debian" r"\.org|registry\.npm" r"js\.org"
    r"|pypi\.org|pythonhosted\.org|crates\.io|proxy\.golang", re.I)


def check(tree):
    for name in tree.written():
        if name.startswith("tests/lint/"):
            continue
        for number, line in tree.lines(name):
            if OWN_PATH.search(line):
                yield f"{name}:{number}: a path of one machine: {line.strip()[:80]}"
            if REGISTRY.search(line):
                yield f"{name}:{number}: a registry's host: {line.strip()[:80]}"
