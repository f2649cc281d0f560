#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# xcp-setup dom0 over made-up machines: what it shows, refuses, writes and undoes. The drop-in is the real
# one, read by a real shell; only the making of GRUB's menu is stood for, by what grub-mkconfig would write.
import contextlib
import io
import json
import unittest
from unittest import mock

import loading
import machines
from dom0_settings import DEFAULTS, Refused, console, memory, read, vcpus, written, xen_options
from machine import Ran
from machines import made

program = loading.program(loading.SETUP / "xcp-setup")
FILE = "/etc/default/xcp-dom0"
XEN_TITLE = "Debian GNU/Linux, with Xen hypervisor"


class Settings(unittest.TestCase):
    def refuse(self, function, *arguments, saying):
        with self.assertRaises(Refused) as raised:
            function(*arguments)
        self.assertRegex(str(raised.exception), saying)

    def test_memory(self):
        for text, stored in (("4G", "4G"), ("4g", "4G"), ("4GiB", "4G"), ("4096MB", "4096M"), ("25%", "25%"),
                             ("512M", "512M"), ("15744M", "15744M"), ("auto", "auto")):
            self.assertEqual(memory(text, 16000), stored)
        for text, saying in (("511M", "needs 512"), ("3%", "480 MiB"), ("15745M", "has 16000 MiB"), ("16G", "has 16000"),
                             ("100%", "has 16000 MiB, of which Xen needs 256"), ("4", "not understood"),
                             ("0", "not understood"), ("", "not understood"), ("4T", "not understood"),
                             ("-4G", "not understood"), ("4G;reboot", "not understood")):
            self.refuse(memory, text, 16000, saying="memory '?" + text + ".*" + saying)

    def test_vcpus(self):
        self.assertEqual([vcpus(text, 4) for text in ("1", "04", "auto")], ["1", "4", "auto"])
        for text, saying in (("0", "one at least"), ("5", "has 4"), ("many", "not understood"), ("-1", "not understood")):
            self.refuse(vcpus, text, 4, saying=saying)

    def test_console(self):
        for text in ("com1", "com1,115200", "com2,9600,7e1", "vga", "auto"):
            self.assertEqual(console(text), text)
        for text in ("ttyS0", "com3,115200", "com1,", "com1,115200,9x1", "hvc0", "", "com1,115200 vga"):
            self.refuse(console, text, saying=f"'{text}' is none that Xen knows")
        self.refuse(console, "com1,12345", saying="speed 12345")

    def test_xen_options(self):
        self.assertEqual(xen_options("  loglvl=all  ivrs_ioapic[4]=00:14.0 ucode=scan "),
                         "loglvl=all ivrs_ioapic[4]=00:14.0 ucode=scan")
        for text in ("a;b", "$(x)", "a'b", 'a"b', "a`b", "a|b", "{a", "a\\b", "a&b", "é"):
            self.refuse(xen_options, text, saying="meaning of its own")
        for text, saying in (("loglvl=all dom0_mem=1G", "--memory"), ("dom0_max_vcpus=2", "--vcpus"),
                             ("console=com1", "--console")):
            self.refuse(xen_options, text, saying=saying)

    def test_the_file_there_and_back(self):
        values = {"memory": "4G", "vcpus": "2", "console": "com1,115200", "xen_options": "loglvl=all noreboot"}
        text = written(None, values)
        self.assertEqual(read(text), values)
        self.assertIn("XCP_XEN_OPTIONS='loglvl=all noreboot'\n", text)
        self.assertEqual(written(text, values), text)
        self.assertIsNone(written(text, DEFAULTS))
        self.assertIsNone(written(None, DEFAULTS))
        self.assertEqual(read(None), DEFAULTS)

    def test_lines_of_others_are_kept(self):
        text = "# mine\nOTHER='x y'\nXCP_DOM0_VCPUS=2 # two\nXCP_DOM0_VCPUS=3\n"
        self.assertEqual(read(text)["vcpus"], "3")
        changed = written(text, {**DEFAULTS, "vcpus": "4"})
        self.assertEqual(changed.splitlines()[:3], ["# mine", "OTHER='x y'", "XCP_DOM0_VCPUS=4"])
        self.assertEqual(read(changed)["vcpus"], "4")
        self.assertIn("OTHER", written(text, DEFAULTS))

    def test_a_file_that_cannot_be_read(self):
        for line in ("XCP_DOM0_MEMORY='4G", "XCP_DOM0_MEMORY=$(free)", "XCP_DOM0_VCPUS=1 2", "XCP_DOM0_VCPUS=`nproc`"):
            self.refuse(read, "# x\n" + line + "\n", saying="line 2: .*--reset")


class Dom0(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def host(self, builder=machines.xen_installed):
        host = self.stack.enter_context(made(builder))
        host.programs["update-grub"] = lambda _arguments: self.make_menu(host)
        return host

    def make_menu(self, host):
        """What grub-mkconfig does: reads the files and writes the menu."""
        script = (program.commands.dom0.boot_preview.SCRIPT
                  + '\nprintf "%s" "$GRUB_CMDLINE_XEN $GRUB_CMDLINE_XEN_DEFAULT" >"$XCP_ROOT/options"\n')
        done = machines.run_program(["sh", "-c", script, "sh", str(host.directory), str(host.directory) + FILE])
        self.assertEqual(done.status, 0, done.errors)
        host.put("/boot/grub/grub.cfg", machines.menu(XEN_TITLE, " ".join(host.text("/options").split())))
        host.take("/options")
        return Ran(0)

    def run_it(self, host, *arguments, answer=None):
        """(status, standard output, standard error)"""
        out, errors = io.StringIO(), io.StringIO()
        keyboard = io.StringIO(answer or "")
        keyboard.isatty = errors.isatty = lambda: answer is not None
        with mock.patch("sys.stdin", keyboard), mock.patch("sys.stderr", errors):
            try:
                status = program.main(host.machine(), ["dom0", *arguments], out)
            except SystemExit as exit_:
                status = exit_.code
        return status, out.getvalue(), errors.getvalue()

    def ok(self, host, *arguments, **more):
        status, out, errors = self.run_it(host, *arguments, **more)
        self.assertEqual(status, 0, errors)
        return out

    def refused(self, host, *arguments, status=1, saying, **more):
        before = self.files(host)
        got, out, errors = self.run_it(host, *arguments, **more)
        self.assertEqual(got, status, out + errors)
        self.assertRegex(errors, saying)
        self.assertEqual(self.files(host), before)

    @staticmethod
    def files(host):
        return {str(path): path.read_bytes() for path in host.directory.rglob("*") if path.is_file()}

    def options(self, host):
        """Xen's options in the made menu."""
        entry = program.commands.dom0.hosts.Host(host.machine()).next_entry
        return entry.xen_options


class Changing(Dom0):
    def test_all_settings(self):
        host = self.host()
        out = self.ok(host, "--memory", "4G", "--vcpus", "2", "--console", "com1,115200", "--xen-options",
                      "loglvl=all", "--yes")
        self.assertRegex(out, "memory +auto -> 4G\n")
        self.assertRegex(out, r"\nNext step: reboot, which starts Xen\n$")
        self.assertEqual(read(host.text(FILE)), {"memory": "4G", "vcpus": "2", "console": "com1,115200",
                                                 "xen_options": "loglvl=all"})
        self.assertEqual(self.options(host), "com1=115200 console=com1,vga dom0_mem=4096M,max:4096M "
                         "dom0_max_vcpus=2 loglvl=all".split())
        self.assertEqual((host.directory / FILE.lstrip("/")).stat().st_mode & 0o777, 0o644)

    def test_only_what_was_named_changes(self):
        host = self.host()
        self.ok(host, "--memory", "4G", "--yes")
        self.ok(host, "--vcpus", "2", "--yes")
        self.assertEqual(read(host.text(FILE)), {**DEFAULTS, "memory": "4G", "vcpus": "2"})

    def test_the_second_time_nothing_is_done(self):
        host = self.host()
        self.ok(host, "--memory", "25%", "--yes")
        before, called = self.files(host), host.called.count("update-grub")
        out = self.ok(host, "--memory", "25%")  # needs no answer either
        self.assertIn("Nothing to change.", out)
        self.assertEqual(self.files(host), before)
        self.assertEqual(host.called.count("update-grub"), called)

    def test_a_menu_that_was_never_made_is_made(self):
        host = self.host()
        old = host.text("/boot/grub/grub.cfg")
        self.ok(host, "--memory", "4G", "--yes")
        host.put("/boot/grub/grub.cfg", old)
        self.assertIn("older than the settings", self.ok(host))
        self.ok(host, "--memory", "4G", "--yes")
        self.assertIn("dom0_mem=4096M,max:4096M", self.options(host))

    def test_a_removed_option_leaves_the_menu(self):
        host = self.host()
        self.ok(host, "--xen-options", "loglvl=all", "--yes")
        old = host.text("/boot/grub/grub.cfg")
        self.ok(host, "--xen-options", "", "--yes")
        self.assertNotIn("loglvl=all", self.options(host))
        host.put("/boot/grub/grub.cfg", old)
        self.assertIn("older than the settings", self.ok(host))

    def test_reset(self):
        host = self.host()
        self.make_menu(host)
        before = self.files(host)
        self.ok(host, "--memory", "4G", "--console", "com2,9600", "--yes")
        self.ok(host, "--reset", "--yes")
        self.assertEqual(self.files(host), before)
        self.assertIn("Nothing to change", self.ok(host, "--reset"))

    def test_reset_mends_a_file_that_cannot_be_read(self):
        host = self.host()
        host.put(FILE, "# mine\nXCP_DOM0_MEMORY='4G\n")
        self.refused(host, "--vcpus", "2", "--yes", saying="line 2")
        self.refused(host, saying="line 2")
        self.ok(host, "--reset", "--yes")
        self.assertEqual(read(host.text(FILE)), DEFAULTS)
        self.assertIn("# mine\n", host.text(FILE))

    def test_dry_run_changes_nothing_and_needs_no_root(self):
        host = self.host()
        host.privileged = False
        before = self.files(host)
        out = self.ok(host, "--memory", "4G", "--dry-run")
        self.assertRegex(out, r"dom0_mem=4096M,max:4096M.*\n(.*\n)*Nothing was changed\.\n$")
        self.assertEqual(self.files(host), before)

    def test_json(self):
        host = self.host()
        told = json.loads(self.ok(host, "--memory", "4G", "--yes", "--json"))
        self.assertEqual(told["changes"], [{"setting": "memory", "from": "auto", "to": "4G"}])
        self.assertEqual(told["boot"]["memory"], "4096M,max:4096M")
        self.assertEqual((told["applied"], told["next_step"]), (True, "reboot, which starts Xen"))
        again = json.loads(self.ok(host, "--memory", "4G", "--yes", "--json"))
        self.assertEqual((again["changes"], again["applied"]), ([], False))

    def test_it_asks(self):
        host = self.host()
        self.refused(host, "--memory", "4G", answer="n\n", saying="nothing was changed")
        self.refused(host, "--memory", "4G", answer="", saying="nothing was changed")
        self.ok(host, "--memory", "4G", answer="y\n")
        self.assertEqual(read(host.text(FILE))["memory"], "4G")

    def test_under_xen_the_whole_machine_counts(self):
        host = self.host(machines.under_xen)
        self.make_menu(host)
        self.refused(host, "--memory", "17G", "--yes", status=2, saying="has 16383 MiB")
        self.refused(host, "--vcpus", "9", "--yes", status=2, saying="has 8")
        with mock.patch.dict("os.environ", PATH=f"{host.directory}/bin:/usr/bin:/bin"):
            host.put("/bin/xl", "#!/bin/sh\necho 16383\n")
            (host.directory / "bin/xl").chmod(0o755)
            self.assertRegex(self.ok(host, "--memory", "8G", "--vcpus", "8", "--yes"), "Next step: reboot, for the new")
            # After that reboot nothing is left to do.
            host.programs["xl info"].output = host.programs["xl info"].output.replace(
                machines.XEN_OPTIONS, "console=vga dom0_mem=8192M,max:8192M dom0_max_vcpus=8")
            self.assertIn("Nothing is left to do.", self.ok(host))


class Refusing(Dom0):
    def test_values_by_name(self):
        host = self.host()
        for arguments, saying in ((["--memory", "100G"], "memory 100G .* has 16000 MiB"),
                                  (["--memory", "256M"], "needs 512"), (["--vcpus", "0"], "vcpus 0"),
                                  (["--vcpus", "64"], "vcpus 64: the machine has 4"), (["--console", "ttyS0"], "ttyS0"),
                                  (["--xen-options", "a;b"], "';'")):
            self.refused(host, *arguments, "--yes", status=2, saying=saying)

    def test_without_a_terminal(self):
        self.refused(self.host(), "--memory", "4G", saying="say --yes")

    def test_without_root(self):
        host = self.host()
        host.privileged = False
        self.refused(host, "--memory", "4G", "--yes", saying="only root")

    def test_without_the_driver(self):
        for name in ("/usr/lib/xcp/hypervisor/libxl.so", "/etc/default/grub.d/zz-xcp-hypervisor-xen.cfg"):
            host = self.host()
            host.take(name)
            self.refused(host, saying="xcp-hypervisor-xen")
            self.refused(host, "--memory", "4G", "--yes", saying="xcp-hypervisor-xen")

    def test_a_menu_that_cannot_be_made_puts_all_back(self):
        host = self.host()
        for answer in (Ran(1, "", "Generating...\ngrub-probe: no such disk\n"), None):
            host.programs["update-grub"] = answer
            self.refused(host, "--memory", "4G", "--yes", saying="no such disk|there is no update-grub")
            self.assertFalse(host.has(FILE))
        del host.programs["update-grub"]
        host.put(FILE, "XCP_DOM0_VCPUS=2\n")
        self.refused(host, "--memory", "4G", "--yes", saying="the settings are as before")

    def test_a_menu_that_does_not_have_it(self):
        host = self.host()
        host.programs["update-grub"] = Ran(0)
        status, _, errors = self.run_it(host, "--memory", "4G", "--yes")
        self.assertEqual(status, 1)
        self.assertIn("has no entry with these options", errors)

    def test_a_later_file_that_undoes_it(self):
        host = self.host()
        host.put("/etc/default/grub.d/zzz.cfg", 'GRUB_CMDLINE_XEN_DEFAULT="dom0_mem=1G"\n')
        self.refused(host, "--memory", "4G", "--yes", saying=r"read after ours undoes this: dom0_mem=1G")

    def test_grub_files_that_cannot_be_read(self):
        host = self.host()
        host.put("/etc/default/grub", "GRUB_CMDLINE_LINUX='\n")
        self.refused(host, "--memory", "4G", "--yes", saying="cannot be read as GRUB does")

    def test_wrong_usage(self):
        host = self.host()
        for arguments in (["--nonsense"], ["--memory"], ["4G"]):
            self.assertEqual(self.run_it(host, *arguments)[0], 2)
        with mock.patch("sys.stderr", io.StringIO()), self.assertRaises(SystemExit) as raised:
            program.main(host.machine(), ["network"], io.StringIO())
        self.assertEqual(raised.exception.code, 2)


class Showing(Dom0):
    def test_before_the_reboot(self):
        host = self.host()
        out = self.ok(host)
        self.assertRegex(out, r"memory +auto\n(.*\n)*Running now\n  no Xen\nNext boot\n  " + XEN_TITLE)
        self.assertRegex(out, r"memory +2048M,max:2048M\n")
        self.assertRegex(out, r"Next step: reboot, which starts Xen\n$")

    def test_under_xen(self):
        host = self.host(machines.under_xen)
        told = json.loads(self.ok(host, "--json"))
        self.assertEqual(told["running"]["hypervisor"], "Xen 4.17.7-pre")
        self.assertEqual((told["running"]["memory_mib"], told["running"]["vcpus"]), (2048, 4))
        self.assertIn("dom0_max_vcpus=1-8", told["running"]["xen_options"])
        self.assertEqual(told["next_boot"]["memory"], "2048M,max:2048M")

    def test_a_menu_without_xen(self):
        host = self.host()
        host.put("/boot/grub/grub.cfg", machines.menu("0"))
        self.assertRegex(self.ok(host), "Next step: make an entry with Xen the default")
        self.assertIsNone(json.loads(self.ok(host, "--json"))["next_boot"]["memory"])

    def test_a_common_user(self):
        host = self.host(machines.under_xen)
        host.privileged = False
        self.assertIn("not seen: only root may ask Xen", self.ok(host))
        self.assertIn("Next step: look at this as root", self.ok(host))
        self.refused(host, "--vcpus", "2", "--dry-run", saying="only root sees")
        host.take("/boot/grub/grub.cfg")
        self.assertIn("not known: there is no menu of GRUB", self.ok(host))

    def test_warnings_of_the_drop_in(self):
        host = self.host()
        host.put(FILE, "XCP_DOM0_MEMORY=900G\n")
        self.assertIn("warning: ", self.ok(host))
        self.assertIn("cannot be on this machine", self.ok(host))


if __name__ == "__main__":
    unittest.main()
