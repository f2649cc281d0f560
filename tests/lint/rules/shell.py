# SPDX-License-Identifier: GPL-2.0-or-later
# Shell scripts pass shellcheck. The door is checked as a whole, its pieces share variables.
import shutil
import subprocess


def shellcheck(tree, *arguments):
    result = subprocess.run(["shellcheck", "-f", "gcc", *arguments], cwd=tree.root,
                            capture_output=True, text=True)
    return (result.stdout + result.stderr).splitlines()


def check(tree):
    if not shutil.which("shellcheck"):
        yield "shellcheck is not installed; ./kronos lint installs it"
        return
    alone = [name for name in tree.shell() if name != "kronos" and not (
        name.startswith("door/") and name.endswith(".sh"))]
    if "kronos" in tree.files:
        yield from shellcheck(tree, "-x", "-a", "kronos")
    if alone:
        yield from shellcheck(tree, "-x", *alone)
