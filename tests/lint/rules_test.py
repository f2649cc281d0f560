#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Every rule finds the fault it is there for, in a small tree that has it, and is content with a tree
# that has not.
import importlib
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from tree import Tree  # noqa: E402

LICENCE = "SPDX-License-Identifier: GPL-2.0-or-later"
CPP = f"// {LICENCE}\n// A sample.\n"
SH = f"#!/bin/sh\n# {LICENCE}\n# A sample.\n"
PY = f"# {LICENCE}\n# A sample.\n"
CONTROL = """Source: kronos
Build-Depends: debhelper-compat (= 13), cmake,
 g++ (>= 12)

Package: xcp-one
Architecture: any
"""
LIST = "build cmake cmake\nbuild g++ gcc-c++\n"


def faults(rule, files, executable=()):
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            path.chmod(0o755 if name in executable else 0o644)
        return list(importlib.import_module("rules." + rule).check(Tree(directory)))


class Rules(unittest.TestCase):
    def finds(self, pattern, rule, files, executable=()):
        self.assertRegex("\n".join(faults(rule, files, executable)), pattern)

    def content(self, rule, files, executable=()):
        self.assertEqual(faults(rule, files, executable), [])

    def test_opening(self):
        self.content("opening", {"a.cpp": CPP, "b.sh": SH, "c.py": PY, "d.json": "{}"})
        self.finds("a.cpp:1: no licence", "opening", {"a.cpp": "// A sample.\n"})
        self.finds("a.cpp:2: say in a comment", "opening", {"a.cpp": f"// {LICENCE}\n#include <map>\n"})

    def test_headers(self):
        self.content("headers", {"a.hpp": CPP + "#pragma once\n"})
        self.finds("a.hpp:1", "headers", {"a.hpp": CPP})

    def test_layers(self):
        self.content("layers", {"src/sm/a.cpp": '#include "base/fd.hpp"\n#include "sm/b.hpp"\n'})
        self.finds("base may not include sm/b.hpp", "layers", {"src/base/a.cpp": '#include "sm/b.hpp"\n'})
        self.finds("sm may not include hypervisor", "layers",
                   {"src/sm/a.cpp": '#include "hypervisor/h.hpp"\n'})
        two = '#include "hypervisor/h.hpp"\n#include "sm/s.hpp"\n'
        self.finds("only src/xapi/plans/ composes", "layers", {"src/xapi/classes/vm.cpp": two})
        self.content("layers", {"src/xapi/plans/vm.cpp": two})

    def test_walls(self):
        line = "#include <boost/asio/post.hpp>\n"
        self.content("layers", {"src/xapi/http/a.cpp": line})
        self.finds("belongs behind src/xapi/http/", "layers", {"src/xapi/a.cpp": line})
        self.finds("belongs behind src/hypervisor/libvirt/", "layers",
                   {"src/hypervisor/a.cpp": "#include <libvirt/libvirt.h>\n"})

    def test_language(self):
        self.content("language", {"src/a.cpp": "throw Failure(x);  // no co_await here\n"})
        self.finds("a.cpp:1: no coroutines", "language", {"src/a.cpp": "co_return 1;\n"})
        self.finds("one error type", "language", {"src/a.cpp": "throw std::runtime_error(x);\n"})

    def test_names(self):
        self.content("names", {"src/a.cpp": "class ConsoleRelay {\n"})
        self.finds("a.cpp:1", "names", {"src/a.cpp": "class VmManager {\n"})
        self.finds("utils.hpp:1", "names", {"src/utils.hpp": ""})

    def test_places(self):
        self.content("places", {"a.sh": "cd /var/lib/xcp\n"})
        self.finds("a path of one machine", "places", {"a.sh": "cd /ho" "me/jo/kronos\n"})
        self.finds("a registry's host", "places", {"a.sh": "fetch http://deb.debian" ".org/debian\n"})

    def test_sizes(self):
        self.content("sizes", {"src/a.cpp": "x\n" * 600, "src/datamodel/classes/vm.py": "x\n" * 900})
        self.finds("a.cpp:600: 601 lines", "sizes", {"src/a.cpp": "x\n" * 601})
        body = "  x();\n" * 100
        self.finds("b.cpp:1: a function of 102 lines", "sizes", {"src/b.cpp": "void f() {\n" + body + "}\n"})
        self.content("sizes", {"src/b.cpp": "namespace a {\n" + body + "}\n"})

    def test_text(self):
        self.content("text", {"a.cpp": "x\n"})
        self.finds("not UTF-8", "text", {"a.cpp": b"\xff\n"})
        self.finds("no newline", "text", {"a.cpp": "x"})
        self.finds("a.cpp:1: blanks", "text", {"a.cpp": "x \n"})
        self.finds("a.cpp:1: a tab", "text", {"a.cpp": "\tx\n"})

    def test_programs(self):
        self.content("programs", {"a": SH, "b": "x\n"}, executable=("a",))
        self.finds("a:1: has a #! line", "programs", {"a": SH})
        self.finds("b:1: is executable", "programs", {"b": "x\n"}, executable=("b",))

    def test_shell(self):
        self.content("shell", {"a.sh": SH + 'rm "$1"\n'})
        self.finds("SC2164", "shell", {"a.sh": SH + 'cd "$1"\npwd\n'})

    def test_python(self):
        self.content("python", {"a.py": PY})
        self.finds("a.py:3", "python", {"a.py": PY + "def f(:\n"})

    def test_waiting(self):
        self.content("waiting", {"tests/a.py": "time.sleep(0.02)\n", "src/a.py": "time.sleep(9)\n"})
        self.finds("a.py:1: wait for the event", "waiting", {"tests/a.py": "time.sleep(2)\n"})
        self.finds("a.sh:1: wait for the event", "waiting", {"tests/a.sh": "  sleep 1\n"})
        self.finds("a.cpp:1", "waiting", {"tests/a.cpp": "sleep_for(std::chrono::seconds(1));\n"})

    def test_packages(self):
        right = {"debian/control": CONTROL, "door/packages.list": LIST,
                 "src/CMakeLists.txt": "install(TARGETS a COMPONENT xcp-one)\n"}
        self.content("packages", right)
        self.finds("lacks ninja", "packages",
                   {**right, "door/packages.list": LIST + "build ninja ninja\n"})
        self.finds(r"lacks g\+\+", "packages", {**right, "door/packages.list": "build cmake cmake\n"})
        self.finds("belongs to no package", "packages",
                   {**right, "src/CMakeLists.txt": "install(TARGETS a COMPONENT xcp-two)\n"})
        self.finds("nothing is installed for xcp-one", "packages", {**right, "src/CMakeLists.txt": ""})

    def test_locks(self):
        manifest = {"t/package.json": "{}"}
        self.finds("has no package-lock.json", "locks", manifest)
        lock = '{"packages": {"": {}, "node_modules/a": {"integrity": "sha512-x"%s}}}'
        self.content("locks", {**manifest, "t/package-lock.json": lock % ""})
        self.finds("resolved to a registry", "locks",
                   {**manifest, "t/package-lock.json": lock % ', "resolved": "https://r/a.tgz"'})
        self.finds("no integrity", "locks",
                   {**manifest, "t/package-lock.json": '{"packages": {"node_modules/a": {}}}'})

    def test_format(self):
        style = {".clang-format": "BasedOnStyle: Google\n"}
        self.content("format", {**style, "a.cpp": "int f();\n"})
        from rules import format as format_rule
        if format_rule.formatter():
            self.finds("a.cpp:1: not formatted", "format", {**style, "a.cpp": "int   f( );\n"})

    def test_every_rule_is_tested(self):
        tested = {name[len("test_"):] for name in dir(self) if name.startswith("test_")}
        for rule in (HERE / "rules").glob("*.py"):
            self.assertIn(rule.stem, tested)


if __name__ == "__main__":
    unittest.main()
