# SPDX-License-Identifier: GPL-2.0-or-later
# Python files compile, without a warning.
import warnings


def check(tree):
    for name in tree.python():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                compile(tree.bytes(name), name, "exec")
            except (SyntaxError, Warning) as error:
                yield f"{name}:{getattr(error, 'lineno', 1)}: {error}"
