#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# The names, parameters and fields that scripts rely on, against their golden list; and that the
# generator refuses rows that do not fit the data model. XCP_GOLDEN=rewrite writes the list anew.
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TABLES = ROOT / "src/xapi/cli/tables"
GOLDEN = ROOT / "tests/golden/xe/tables.txt"

sys.dont_write_bytecode = True
sys.path.insert(0, str(TABLES))

import generate  # noqa: E402
import language  # noqa: E402


class Listing(unittest.TestCase):
    def test_golden(self):
        out = subprocess.run([sys.executable, TABLES / "generate.py", "--list"], check=True,
                             capture_output=True, text=True).stdout
        if os.environ.get("XCP_GOLDEN") == "rewrite":
            GOLDEN.write_text(out, encoding="utf-8")
        self.assertEqual(out, GOLDEN.read_text(encoding="utf-8"))


class Checks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = generate.datamodel.load()

    def faults_of(self, *args, **more):
        check = generate.Checker(self.model)
        check.command(language.cmd("test-command", "A test.", *args, **more))
        return " ".join(check.faults)

    def test_good_rows(self):
        self.assertEqual(self.faults_of("uuid", do="VM.destroy(uuid)"), "")
        self.assertEqual(self.faults_of("", "a b", do="VM.clone(a|b, \"x\")"), "")

    def test_bad_rows(self):
        for row, wanted in [
            (dict(reqd="uuid", do="VM.nosuch(uuid)"), "no message VM.nosuch"),
            (dict(reqd="uuid", do="VM.destroy(uid)"), "undeclared parameter 'uid'"),
            (dict(reqd="uuid x", do="VM.destroy(uuid)"), "never uses its parameter 'x'"),
            (dict(reqd="uuid", do="VM.clone(uuid)"), "takes 2 arguments, 1 given"),
            (dict(reqd="uuid", do="VM.destroy(uuid"), "expected"),
            (dict(do="VM.destroy(@vm)"), "@vm without select"),
            (dict(reqd="uuid"), "needs either do"),
            (dict(reqd="d", do="network.create({nosuch: d})"), "has no field nosuch"),
        ]:
            self.assertIn(wanted, self.faults_of(**row), row)

    def test_bad_fields(self):
        for field, wanted in [
            (language.field("nosuch"), "has no field nosuch"),
            (language.field("x", src="VIFs.nosuch"), "has no field nosuch"),
            (language.field("x", src="name_label.y"), "does not follow"),
            (language.field("x", language.RW, src="power_state"), "cannot be set"),
            (language.field("x", language.MRW, src="name_label"), "is no map"),
            (language.field("x", src="call VM.nosuch"), "no message"),
        ]:
            check = generate.Checker(self.model)
            row = language.cls("test", "VM", "one", "many", fields=[field])
            check.cls(row)
            self.assertIn(wanted, " ".join(check.faults))


if __name__ == "__main__":
    unittest.main()
