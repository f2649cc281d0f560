# SPDX-License-Identifier: GPL-2.0-or-later
# The files a rule looks at: everything git knows or would add, or, outside a git checkout, everything
# but build/. A rule is a module of rules/ with a function check(tree) that yields its faults as text,
# "path:line: what is wrong and what to do".
import functools
import pathlib
import re
import subprocess

SOURCE = (".cpp", ".hpp")


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)

    @functools.cached_property
    def files(self):
        git = subprocess.run(
            ["git", "-C", self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, text=True) if (self.root / ".git").exists() else None
        if git is not None and git.returncode == 0:
            names = [name for name in git.stdout.split("\0") if name]
        else:
            names = [str(path.relative_to(self.root)) for path in self.root.rglob("*")]
            names = [name for name in names
                     if not re.search(r"(^|/)(build|\.git|__pycache__|node_modules)/", name)]
        return sorted(name for name in names
                      if (self.root / name).is_file() and not (self.root / name).is_symlink())

    @functools.lru_cache(maxsize=None)
    def bytes(self, name):
        return (self.root / name).read_bytes()

    def text(self, name):
        return self.bytes(name).decode("utf-8", "replace")

    def lines(self, name):
        """(number, line) pairs."""
        return enumerate(self.text(name).splitlines(), 1)

    def sources(self):
        """C++ files."""
        return [name for name in self.files if name.endswith(SOURCE)]

    def written(self):
        """Files with text of ours: neither data that tests read, nor licence, nor lists without comments."""
        return [name for name in self.files
                if not re.match(r"tests/golden/|tests/fuzz/corpus/|LICENSE$", name)
                and b"\0" not in self.bytes(name)]

    def interpreter(self, name):
        """"bash", "sh", "python3", or ""."""
        first = self.text(name).split("\n", 1)[0]
        match = re.match(r"#!\s*(?:/usr/bin/env\s+)?(?:\S*/)?(\S+)", first)
        return match.group(1) if match else ""

    def shell(self):
        return [name for name in self.written()
                if self.interpreter(name) in ("sh", "bash") or name.endswith(".sh")]

    def python(self):
        return [name for name in self.written()
                if name.endswith(".py") or self.interpreter(name) == "python3"]
