#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# The drop-in of grub-mkconfig, read as grub-mkconfig reads it (sourced by a POSIX shell under "set -e",
# after /etc/default/grub), in every shell that is here, on machines of several sizes.
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import loading

SHELLS = [shell for shell in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(shell[0])]
GRUB = ("GRUB_CMDLINE_XEN", "GRUB_CMDLINE_XEN_DEFAULT", "GRUB_CMDLINE_LINUX_XEN_REPLACE",
        "GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT", "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
SCRIPT = 'set -eu; . "$1"; . "$2"; ' + "".join(
    f'printf "%s\\n" "{name}=${{{name}-}}"; ' for name in GRUB) + 'set | sed -n "s/=.*//; /^xcp_/Ip"'


class DropIn(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="grub."))
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = self.directory / "root"
        for name in ("etc/default", "usr/lib/xcp/hypervisor", "proc"):
            (self.root / name).mkdir(parents=True)
        (self.root / "usr/lib/xcp/hypervisor/libxl.so").touch()
        self.memory(16384)
        self.said = ""

    def memory(self, mib):
        (self.root / "proc/meminfo").write_text(f"MemTotal: {mib * 1024} kB\n")

    def xl(self, script):
        """What stands for the distribution's xl."""
        (self.directory / "xl").write_text("#!/bin/sh\n" + script)
        (self.directory / "xl").chmod(0o755)

    def run_in(self, shell, settings, grub):
        file = self.root / "etc/default/xcp-dom0"
        if settings is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(settings)
        (self.directory / "grub").write_text(grub)
        # Nothing that sources it may hide its faults; only what it is for tells it of another root.
        done = subprocess.run([*shell, "-c", SCRIPT, "sh", self.directory / "grub", loading.DROP_IN],
                              capture_output=True, text=True, timeout=30, check=False,
                              env={"XCP_ROOT": str(self.root), "PATH": f"{self.directory}:/usr/bin:/bin"})
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[len(GRUB):], ["XCP_ROOT"], "variables are left behind")
        self.said = done.stderr
        return {name: line.split("=", 1)[1].split() for name, line in zip(GRUB, lines)}

    def read(self, settings=None, grub=""):
        """What GRUB's variables are afterwards, as words; the same in every shell."""
        results = [self.run_in(shell, settings, grub) for shell in SHELLS]
        for result in results[1:]:
            self.assertEqual(result, results[0])
        return results[0]

    def xen(self, settings=None, grub=""):
        """Xen's words in an ordinary entry."""
        found = self.read(settings, grub)
        return found["GRUB_CMDLINE_XEN"] + found["GRUB_CMDLINE_XEN_DEFAULT"]

    def last(self, words, name):
        return [word for word in words if word.startswith(name + "=")][-1].split("=", 1)[1]


class Sizes(DropIn):
    def test_a_shell_is_here(self):
        self.assertTrue(SHELLS)

    def test_by_itself(self):
        self.assertEqual(self.xen(), ["console=vga", "dom0_mem=2048M,max:2048M", "dom0_max_vcpus=1-8"])

    def test_memory_follows_the_machine(self):
        for total, dom0 in ((1024, 512), (2048, 1024), (4096, 1280), (65536, 5120), (1048576, 8192)):
            self.memory(total)
            self.assertEqual(self.last(self.xen(), "dom0_mem"), f"{dom0}M,max:{dom0}M", total)

    def test_a_machine_too_small_to_divide(self):
        self.memory(800)
        self.assertEqual(self.xen(), ["console=vga", "dom0_max_vcpus=1-8"])

    def test_a_machine_whose_size_is_not_known(self):
        (self.root / "proc/meminfo").unlink()
        self.assertEqual(self.xen(), ["console=vga", "dom0_max_vcpus=1-8"])

    def test_under_xen_xen_is_asked(self):
        self.memory(1000)
        self.xl('test "$*" = "info total_memory" && echo 32768')
        self.assertIn("dom0_mem=3072M,max:3072M", self.xen())
        self.xl("exit 1")
        self.assertNotIn("dom0_mem=3072M,max:3072M", self.xen())

    def test_settings(self):
        for value, dom0 in (("4G", 4096), ("3000M", 3000), ("25%", 4096), ("16128M", 16128), ("auto", 2048), ("", 2048)):
            self.assertEqual(self.last(self.xen(f"XCP_DOM0_MEMORY='{value}'\n"), "dom0_mem"), f"{dom0}M,max:{dom0}M")
            self.assertEqual(self.said, "")
        self.assertEqual(self.last(self.xen("XCP_DOM0_VCPUS=4\n"), "dom0_max_vcpus"), "4")

    def test_settings_that_cannot_be(self):
        for value in ("16129M", "17G", "511M", "1%", "101%", "0G", "08G", "4", "4K", "-4G", "4 G", "G", "%", "*",
                      "99999999999999999999G", "1;reboot"):
            self.assertEqual(self.last(self.xen(f"XCP_DOM0_MEMORY='{value}'\n"), "dom0_mem"), "2048M,max:2048M", value)
            self.assertIn("cannot be on this machine", self.said)
        for value in ("0", "many", "-1", "1-8"):
            self.assertEqual(self.last(self.xen(f"XCP_DOM0_VCPUS='{value}'\n"), "dom0_max_vcpus"), "1-8", value)
            self.assertIn("no number of vCPUs", self.said)

    def test_what_the_administrator_told_xen_stands(self):
        grub = 'GRUB_CMDLINE_XEN="dom0_mem=1G"\nGRUB_CMDLINE_XEN_DEFAULT="dom0_max_vcpus=2 console=com2"\n'
        self.assertEqual(self.xen(grub=grub), ["dom0_mem=1G", "dom0_max_vcpus=2", "console=com2"])

    def test_unless_he_said_otherwise_later(self):
        grub = 'GRUB_CMDLINE_XEN_DEFAULT="dom0_mem=1G dom0_max_vcpus=2 console=com2 noreboot"\n'
        words = self.xen("XCP_DOM0_MEMORY=4G\nXCP_DOM0_VCPUS=3\nXCP_DOM0_CONSOLE=vga\nXCP_XEN_OPTIONS='loglvl=all x'\n",
                         grub)
        self.assertEqual((self.last(words, "dom0_mem"), self.last(words, "dom0_max_vcpus"),
                          self.last(words, "console")), ("4096M,max:4096M", "3", "vga"))
        self.assertEqual(words[-2:], ["loglvl=all", "x"])
        self.assertIn("noreboot", words)

    def test_recovery_has_all_memory(self):
        found = self.read("XCP_DOM0_MEMORY=600M\nXCP_XEN_OPTIONS=bad\n")
        self.assertEqual(found["GRUB_CMDLINE_XEN"], ["console=vga"])

    def test_a_file_that_is_no_script(self):
        words = self.xen("XCP_DOM0_MEMORY='4G\n(((\n")
        self.assertEqual(self.last(words, "dom0_mem"), "2048M,max:2048M")
        self.assertIn("was not read", self.said)

    def test_lines_of_others_in_it(self):
        self.assertEqual(self.last(self.xen("# words\nOTHER=1\nXCP_DOM0_VCPUS=2 # two\n").copy(), "dom0_max_vcpus"), "2")

    def test_without_the_driver_nothing_is_changed(self):
        (self.root / "usr/lib/xcp/hypervisor/libxl.so").unlink()
        found = self.read("XCP_DOM0_MEMORY=4G\n", 'GRUB_CMDLINE_LINUX="console=ttyS0"\n')
        self.assertEqual({name: words for name, words in found.items() if words},
                         {"GRUB_CMDLINE_LINUX": ["console=ttyS0"]})


class Console(DropIn):
    def consoles(self, settings=None, grub=""):
        """(Xen's words of the console, dom0's kernel's words)"""
        found = self.read(settings, grub)
        kernel = [*(found["GRUB_CMDLINE_LINUX_XEN_REPLACE"] or found["GRUB_CMDLINE_LINUX"]),
                  *(found["GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT"] or found["GRUB_CMDLINE_LINUX_DEFAULT"])]
        xen = found["GRUB_CMDLINE_XEN"] + found["GRUB_CMDLINE_XEN_DEFAULT"]
        return [word for word in xen if not word.startswith("dom0_")], kernel

    def test_the_screen_without_a_serial_port(self):
        self.assertEqual(self.consoles(grub='GRUB_CMDLINE_LINUX_DEFAULT="quiet console=tty0"\n'),
                         (["console=vga"], ["quiet", "console=tty0"]))

    def test_the_kernels_port(self):
        for line, xen in (("console=ttyS0", "com1=9600"), ("console=ttyS0,115200", "com1=115200"),
                          ("console=ttyS0,115200n8", "com1=115200,8n1"), ("console=ttyS0,57600e7r", "com1=57600,7e1"),
                          ("console=ttyS1,19200o8", "com2=19200,8o1")):
            port = xen.split("=")[0]
            grub = f'GRUB_CMDLINE_LINUX="quiet console=tty0 {line} splash"\n'
            self.assertEqual(self.consoles(grub=grub), ([xen, f"console={port},vga"],
                             ["quiet", "console=tty0", "console=hvc0", "splash"]), line)

    def test_the_last_port_is_the_kernels(self):
        grub = 'GRUB_CMDLINE_LINUX="console=ttyS1"\nGRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0,115200 quiet"\n'
        self.assertEqual(self.consoles(grub=grub), (["com1=115200", "console=com1,vga"],
                         ["console=ttyS1", "console=hvc0", "quiet"]))

    def test_the_same_port_twice(self):
        grub = 'GRUB_CMDLINE_LINUX="console=ttyS0 console=ttyS0,115200"\n'
        self.assertEqual(self.consoles(grub=grub)[1], ["console=hvc0", "console=hvc0"])

    def test_ports_that_xen_does_not_know(self):
        for tty in ("ttyS2", "ttyS10", "ttyUSB0", "ttyAMA0"):
            line = f"console={tty},115200"
            self.assertEqual(self.consoles(grub=f'GRUB_CMDLINE_LINUX="{line}"\n'), (["console=vga"], [line]))

    def test_recovery_is_at_the_same_port(self):
        found = self.read(grub='GRUB_CMDLINE_LINUX="console=ttyS0,115200"\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n')
        self.assertEqual(found["GRUB_CMDLINE_XEN"], ["com1=115200", "console=com1,vga"])
        self.assertEqual(found["GRUB_CMDLINE_LINUX_XEN_REPLACE"], ["console=hvc0"])
        self.assertEqual(found["GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT"], [])

    def test_what_the_administrator_told_xen_stands(self):
        grub = ('GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\nGRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT="console=hvc0"\n'
                'GRUB_CMDLINE_XEN_DEFAULT="com1=115200 console=com1"\n')
        self.assertEqual(self.consoles(grub=grub), (["com1=115200", "console=com1"], ["console=hvc0"]))

    def test_what_he_told_its_kernel_stands(self):
        grub = 'GRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_CMDLINE_LINUX_XEN_REPLACE="console=tty0"\n'
        self.assertEqual(self.consoles(grub=grub)[1], ["console=tty0"])

    def test_a_port_by_setting(self):
        self.assertEqual(self.consoles("XCP_DOM0_CONSOLE=com1,115200\n", 'GRUB_CMDLINE_LINUX_DEFAULT=quiet\n'),
                         (["com1=115200", "console=com1,vga"], ["console=tty0", "console=hvc0", "quiet"]))
        self.assertEqual(self.consoles("XCP_DOM0_CONSOLE=com2,9600,7e1\n")[0], ["com2=9600,7e1", "console=com2,vga"])
        # Without a speed it is the kernel's.
        self.assertEqual(self.consoles("XCP_DOM0_CONSOLE=com1\n")[0], ["com1=115200", "console=com1,vga"])
        self.assertEqual(self.consoles("XCP_DOM0_CONSOLE=com1\n", 'GRUB_CMDLINE_LINUX="console=ttyS0,57600"\n')[0],
                         ["com1=57600", "console=com1,vga"])

    def test_a_port_by_setting_comes_after_the_administrators(self):
        xen, _ = self.consoles("XCP_DOM0_CONSOLE=com2,9600\n", 'GRUB_CMDLINE_XEN_DEFAULT="com1=115200 console=com1"\n')
        self.assertEqual(xen[-2:], ["com2=9600", "console=com2,vga"])

    def test_the_screen_by_setting_leaves_the_port_to_dom0(self):
        self.assertEqual(self.consoles("XCP_DOM0_CONSOLE=vga\n", 'GRUB_CMDLINE_LINUX="console=ttyS0"\n'),
                         (["console=vga"], ["console=ttyS0"]))

    def test_a_console_that_cannot_be(self):
        for value in ("com3,115200", "ttyS0", "com1,", "hvc0"):
            self.assertEqual(self.consoles(f"XCP_DOM0_CONSOLE='{value}'\n")[0], ["console=vga"])
            self.assertIn("is no console", self.said)


if __name__ == "__main__":
    unittest.main()
