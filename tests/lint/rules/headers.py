# SPDX-License-Identifier: GPL-2.0-or-later
# A header is included once.


def check(tree):
    for name in tree.sources():
        if name.endswith(".hpp") and "\n#pragma once\n" not in tree.text(name):
            yield f"{name}:1: a header needs #pragma once"
