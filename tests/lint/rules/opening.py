# SPDX-License-Identifier: GPL-2.0-or-later
# Every file opens with its licence line and a comment that says what it is.
import re

LICENCE = "SPDX-License-Identifier: GPL-2.0-or-later"
# Formats without comments, whose content is fixed by others, or that stand in a guest's image as is.
BARE = re.compile(
    r"/overlay/etc/|\.(json|md|png|svg|csv|txt|tsv)$|(^|/)\.(gitignore|clang-format)$"
    r"|^debian/(changelog|copyright|compat|source/|upstream/|.*\.(lintian-overrides|docs|manpages)$)")
PROSE = re.compile(r"\.(cpp|hpp|py|sh)$")


def check(tree):
    for name in tree.written():
        if BARE.search(name):
            continue
        opening = tree.text(name).split("\n")[:4]
        licence = next((i for i, line in enumerate(opening[:3]) if LICENCE in line), None)
        if licence is None:
            yield f"{name}:1: no licence line; the file must open with '{LICENCE}'"
        elif PROSE.search(name) and not re.match(r"\s*(//|#(?!include|pragma))\s*\S|.*\"\"\"", (opening + [""])[licence + 1]):
            # A package marker, and lists of sources, have nothing to say.
            if not name.endswith("__init__.py"):
                yield f"{name}:{licence + 2}: say in a comment below the licence line what this file is"
