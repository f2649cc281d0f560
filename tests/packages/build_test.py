# SPDX-License-Identifier: GPL-2.0-or-later
# The packages as files: what lintian says of them and of their source, and that they were compiled as
# the preset "release" is, so that its benchmarks measure what ships and ccache serves both.
import json
import pathlib
import re
import subprocess
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]


def cache_values(build):
    """What CMake was told in a build directory."""
    lines = (build / "CMakeCache.txt").read_text().splitlines()
    return dict(re.match(r"(\w+):\w+=(.*)", line).groups() for line in lines
                if re.match(r"\w+:\w+=", line))


class Build(unittest.TestCase):
    repository = None

    def test_lintian_has_no_complaint(self):
        changes = list(pathlib.Path(self.repository).glob("*.changes"))
        self.assertEqual(len(changes), 1)
        done = subprocess.run(["lintian", "--allow-root", "--fail-on=error,warning", changes[0]],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, ""), done.stderr)

    def test_the_release_preset_has_the_flags_of_the_packages(self):
        source = pathlib.Path(self.repository).parent / "source/kronos"
        (release,) = (preset for preset in json.loads((TOP / "CMakePresets.json").read_text())
                      ["configurePresets"] if preset["name"] == "release")
        told = cache_values(source / "build/package")
        for name, value in release["cacheVariables"].items():
            with self.subTest(name):
                self.assertEqual(told.get(name, "").split(),
                                 value.replace("${sourceDir}", str(source)).split())
