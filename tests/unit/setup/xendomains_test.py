#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# What the distribution's xendomains is told of domains: all but ours; and that the service has the search
# path in which that program comes first.
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import loading

PROGRAM = loading.BOOT / "xen-of-others"
UUIDS = [f"0000000{number}-1111-2222-3333-444444444444" for number in range(5)]


def domain(number, name):
    return {"domid": number, "config": {"c_info": {"name": name, "uuid": UUIDS[number].upper()}, "b_info": {}}}


class OfOthers(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="xendomains."))
        self.addCleanup(shutil.rmtree, self.directory)
        for name in ("ours", "theirs", "records"):
            (self.directory / name).mkdir()
        shutil.copy(PROGRAM, self.directory / "ours/xen")
        self.distribution('echo "[\\"$*\\"]" >&2; echo "$*"; exit 7')

    def distribution(self, script):
        program = self.directory / "theirs/xen"
        program.write_text("#!/bin/sh\n" + script + "\n")
        program.chmod(0o755)

    def domains(self, *rows):
        (self.directory / "list").write_text(json.dumps(rows))
        self.distribution(f'if [ "$1" = list ]; then cat {self.directory}/list; else exit 9; fi')

    def record(self, number, uuid=None, name="xcp"):
        (self.directory / f"records/userdata-d.{number}.{uuid or UUIDS[number]}.{name}").touch()

    def run_it(self, *arguments):
        return subprocess.run(["xen", *arguments], capture_output=True, text=True, timeout=30, check=False, env={
            "PATH": f"{self.directory}/ours:{self.directory}/theirs:{os.environ['PATH']}",
            "XCP_LIBXL_RECORDS": str(self.directory / "records")})

    def listed(self, option="-l"):
        done = self.run_it("list", option)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [(row["domid"], row["config"]["c_info"]["name"]) for row in json.loads(done.stdout)]

    def test_ours_are_left_out(self):
        self.domains(domain(0, "Domain-0"), domain(1, "theirs"), domain(2, "ours"), domain(3, "also theirs"))
        self.record(2)
        self.record(2, name="libxl-json")
        self.record(3, name="libxl-json")
        for option in ("-l", "--long"):
            self.assertEqual(self.listed(option), [(0, "Domain-0"), (1, "theirs"), (3, "also theirs")])

    def test_a_record_of_an_older_domain_with_the_number(self):
        self.domains(domain(1, "theirs"))
        self.record(1, uuid=UUIDS[4])
        self.assertEqual(self.listed(), [(1, "theirs")])

    def test_domains_without_a_configuration(self):
        self.domains({"domid": 0}, {"domid": 1, "config": {}}, {"domid": 2, "config": {"c_info": {}}})
        self.record(2)
        done = self.run_it("list", "-l")
        self.assertEqual([row["domid"] for row in json.loads(done.stdout)], [0, 1])

    def test_nothing_of_ours_is_there(self):
        self.domains(domain(1, "theirs"))
        (self.directory / "records").rmdir()
        self.assertEqual(self.listed(), [(1, "theirs")])

    def test_what_is_not_understood_is_told_to_nobody(self):
        for text in ("", "no JSON", "[{}]", '{"domid": 1}'):
            (self.directory / "list").write_text(text)
            self.distribution(f"cat {self.directory}/list")
            done = self.run_it("list", "-l")
            self.assertEqual((done.returncode != 0, done.stdout), (True, ""), text)

    def test_a_list_that_fails_fails(self):
        self.distribution("exit 5")
        self.assertEqual(self.run_it("list", "-l").returncode, 5)

    def test_all_else_goes_to_the_distributions(self):
        for arguments in (["list"], ["save", "3", "/a b"], ["shutdown", "3"], ["domid", "x"], []):
            done = self.run_it(*arguments)
            self.assertEqual((done.returncode, done.stdout), (7, " ".join(arguments) + "\n"))

    def test_without_the_distributions_program(self):
        (self.directory / "theirs/xen").unlink()
        done = self.run_it("list", "-l")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not there", done.stderr)

    def test_the_service_finds_it_first(self):
        text = (loading.TOP / "systemd/xendomains-xcp.conf.in").read_text()
        (path,) = [line.removeprefix("Environment=PATH=") for line in text.splitlines() if "PATH=" in line]
        first, *others = path.split(":")
        self.assertEqual(first, "@CMAKE_INSTALL_PREFIX@/lib/xcp/xendomains")
        self.assertIn("/usr/sbin", others)
        lists = (loading.BOOT / "CMakeLists.txt").read_text()
        self.assertIn("install(PROGRAMS xen-of-others DESTINATION lib/xcp/xendomains RENAME xen", lists)


if __name__ == "__main__":
    unittest.main()
