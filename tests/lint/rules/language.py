# SPDX-License-Identifier: GPL-2.0-or-later
# What the language offers and the house does without: coroutines, second error types.
import re

FORBIDDEN = [
    (re.compile(r"\bco_(await|return|yield)\b"), "no coroutines (g++ 12 miscompiles them)"),
    (re.compile(r"\bthrow\s+std::"), "throw xcp::Failure: one error type"),
    (re.compile(r"\busing\s+namespace\s+std\s*;"), "name what you use from std"),
]


def check(tree):
    for name in tree.sources():
        for number, line in tree.lines(name):
            code = line.split("//", 1)[0]
            for pattern, reason in FORBIDDEN:
                # Test doubles may throw what a library would.
                if pattern.search(code) and not ("throw" in code and name.startswith("tests/")):
                    yield f"{name}:{number}: {reason}"
