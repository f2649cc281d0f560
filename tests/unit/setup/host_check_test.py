#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# xcp-host-check over made-up machines: what each fact is found to be, what is advised, the exit status; and
# that nothing is taken for ready that was not seen.
import contextlib
import io
import json
import re
import unittest

import loading
import machines
from machines import RELEASE, made
from machine import Machine, Ran, Unseen, run_program

program = loading.program(loading.SETUP / "xcp-host-check")
NEEDS_DOING = ("warning", "missing", "unknown")


def report(machine, *arguments):
    """(exit status, the JSON)"""
    out = io.StringIO()
    status = program.check(machine.machine(), ["--json", *arguments], out)
    return status, json.loads(out.getvalue())


def text(machine, *arguments):
    out = io.StringIO()
    status = program.check(machine.machine(), [*arguments], out)
    return status, out.getvalue()


class HostCheck(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def host(self, builder):
        return self.stack.enter_context(made(builder))

    def facts(self, machine, *arguments):
        _, told = report(machine, *arguments)
        return {f"{fact['group']}/{fact['name']}": fact for fact in told["facts"]}

    def assert_fact(self, facts, name, state, found=None, todo=None):
        fact = facts[name]
        self.assertEqual(fact["state"], state, fact)
        if found:
            self.assertRegex(fact["found"], found)
        if todo:
            self.assertRegex(fact["todo"], todo)

    def needs(self, facts):
        return {name: fact["state"] for name, fact in facts.items() if fact["state"] in NEEDS_DOING}


class FreshDebian(HostCheck):
    def test_xen_is_what_fits_and_is_to_be_installed(self):
        machine = self.host(machines.debian)
        status, told = report(machine)
        self.assertEqual((status, told["hypervisor"], told["clean"]), (1, "xen", False))
        facts = self.facts(machine)
        self.assert_fact(facts, "Hypervisor/Xen installed", "missing", todo="^apt-get install xcp-hypervisor-xen$")
        self.assert_fact(facts, "Programs/grub-xen", "warning", todo="apt-get install grub-xen-host")
        self.assert_fact(facts, "Kernel/XEN_NETDEV_BACKEND", "ok", "a module")
        self.assert_fact(facts, "Kernel/XEN_DOM0", "ok", "built in")
        self.assert_fact(facts, "Processor/virtualization", "ok")
        self.assert_fact(facts, "Processor/IOMMU", "ok", "DMAR")
        self.assert_fact(facts, "Boot/default entry", "not needed")

    def test_every_missing_fact_says_what_to_do(self):
        for builder in (machines.debian, machines.xen_installed, machines.neither, machines.broken):
            for which in ("--xen", "--kvm"):
                for name, fact in self.facts(self.host(builder), which).items():
                    if fact["state"] in ("missing", "warning"):
                        self.assertTrue(fact["todo"], name)
                    self.assertTrue(fact["found"], name)

    def test_a_processor_without_virtualization_runs_pv_guests(self):
        machine = self.host(machines.debian)
        machines.cpu(machine, flags="fpu lm")
        facts = self.facts(machine)
        self.assert_fact(facts, "Processor/virtualization", "warning", "pv guests only")
        self.assert_fact(facts, "Processor/nested paging", "warning")

    def test_other_machines_are_refused(self):
        machine = self.host(machines.debian)
        machine.programs["uname -rm"] = Ran(0, f"{RELEASE} aarch64\n")
        self.assert_fact(self.facts(machine, "--xen"), "Processor/architecture", "missing", "aarch64")

    def test_memory(self):
        machine = self.host(machines.debian)
        for mib, state in ((1000, "missing"), (1024, "warning"), (2047, "warning"), (2048, "ok")):
            machines.memory(machine, mib)
            self.assert_fact(self.facts(machine), "Memory/memory", state, f"^{mib} MiB")


class Installed(HostCheck):
    def test_only_the_reboot_is_left(self):
        machine = self.host(machines.xen_installed)
        status, told = report(machine)
        self.assertEqual((status, told["hypervisor"], told["because"]), (0, "xen", "it is installed"))
        facts = self.facts(machine)
        self.assertEqual(self.needs(facts), {"Hypervisor/Xen running": "warning"})
        self.assert_fact(facts, "Hypervisor/Xen running", "warning", todo="^reboot$")
        self.assert_fact(facts, "Hypervisor/Xen installed", "ok", "xen-4.17-amd64.gz$")
        self.assert_fact(facts, "Boot/dom0 memory", "ok", "2048M")
        self.assert_fact(facts, "Services/xenstored", "not needed")
        self.assertEqual(report(machine, "--strict")[0], 1)

    def test_a_menu_that_starts_another_system(self):
        machine = self.host(machines.xen_installed)
        machine.put("/boot/grub/grub.cfg", machines.menu("0", machines.XEN_OPTIONS))
        facts = self.facts(machine)
        self.assert_fact(facts, "Boot/default entry", "missing", "'Debian GNU/Linux', without Xen", "GRUB_DEFAULT")
        self.assert_fact(facts, "Hypervisor/Xen running", "missing")

    def test_a_menu_without_xen(self):
        machine = self.host(machines.xen_installed)
        machine.put("/boot/grub/grub.cfg", machines.menu("0"))
        self.assert_fact(self.facts(machine), "Boot/default entry", "missing", "no entry with Xen", "^update-grub$")

    def test_dom0_with_all_memory(self):
        machine = self.host(machines.xen_installed)
        machine.put("/boot/grub/grub.cfg", machines.menu("xen-gnulinux-simple-1", "console=vga"))
        self.assert_fact(self.facts(machine), "Boot/dom0 memory", "warning", todo="xcp-setup dom0")

    def test_a_drop_in_that_was_deleted(self):
        machine = self.host(machines.xen_installed)
        machine.take("/etc/default/grub.d/zz-xcp-hypervisor-xen.cfg")
        self.assert_fact(self.facts(machine), "Boot/our settings", "missing", "was removed")

    def test_secure_boot(self):
        machine = self.host(machines.xen_installed)
        variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        machine.put(variable, b"\6\0\0\0\0")
        self.assert_fact(self.facts(machine), "Boot/Secure Boot", "ok")
        machine.put(variable, b"\6\0\0\0\1")
        self.assert_fact(self.facts(machine), "Boot/Secure Boot", "missing", todo="firmware")


class UnderXen(HostCheck):
    def test_it_is_clean(self):
        machine = self.host(machines.under_xen)
        self.assertEqual(report(machine, "--strict")[0], 0)
        facts = self.facts(machine)
        self.assertEqual(self.needs(facts), {})
        self.assert_fact(facts, "Hypervisor/Xen running", "ok", r"Xen 4\.17\.7-pre")
        self.assert_fact(facts, "Memory/memory", "ok", "16383 MiB; this first domain has 2048")
        self.assert_fact(facts, "Kernel/XEN_NETDEV_BACKEND", "ok", "^loaded")
        self.assert_fact(facts, "Services/xcp-hypervisord", "ok", "active")
        self.assert_fact(facts, "Processor/virtualization", "ok")
        self.assert_fact(facts, "Processor/IOMMU", "ok", "in use by Xen")
        self.assertIn("Everything is ready.", text(machine)[1])

    def test_a_common_user_is_told_what_was_not_seen(self):
        machine = self.host(machines.under_xen)
        machine.privileged = False
        facts = self.facts(machine)
        self.assertEqual(self.needs(facts), {name: "unknown" for name in (
            "Processor/nested paging", "Processor/IOMMU", "Memory/memory", "Services/dom0's record")})
        self.assertNotIn("xl info", machine.called)
        self.assertEqual((report(machine)[0], report(machine, "--strict")[0]), (0, 1))

    def test_backends_that_are_not_loaded(self):
        machine = self.host(machines.under_xen)
        machine.take("/sys/module/xen_netback")
        machine.take("/sys/module/bridge")
        facts = self.facts(machine)
        self.assert_fact(facts, "Kernel/XEN_NETDEV_BACKEND", "warning", "not loaded", "^modprobe xen-netback$")
        self.assert_fact(facts, "Kernel/BRIDGE", "ok", "loaded when needed")

    def test_everything_built_in(self):
        machine = self.host(machines.under_xen)
        machine.take("/sys/module")
        machine.put(f"/boot/config-{RELEASE}", "".join(
            f"CONFIG_{name}=y\n" for name in (*machines.BUILT_IN, *machines.DRIVERS)))
        machine.put(f"/lib/modules/{RELEASE}/modules.dep", "")
        self.assertEqual(self.needs(self.facts(machine)), {})

    def test_no_xenfs(self):
        machine = self.host(machines.under_xen)
        machine.take("/proc/xen/capabilities")
        facts = self.facts(machine)
        self.assert_fact(facts, "Devices/xenfs", "missing", todo="mount -t xenfs")
        self.assert_fact(facts, "Hypervisor/Xen running", "ok")  # known by its uuid

    def test_tools_of_another_version(self):
        machine = self.host(machines.under_xen)
        machine.put("/sys/hypervisor/version/minor", "20\n")
        self.assert_fact(self.facts(machine), "Hypervisor/Xen tools", "missing", "4.20",
                         "apt-get install xen-utils-4.20")

    def test_a_guest_of_xen_is_no_host(self):
        machine = self.host(machines.under_xen)
        machine.put("/proc/xen/capabilities", "\n")
        facts = self.facts(machine, "--xen")
        self.assert_fact(facts, "Hypervisor/Xen running", "missing", "itself a guest of Xen")

    def test_kvm_is_refused(self):
        facts = self.facts(self.host(machines.under_xen), "--kvm")
        self.assert_fact(facts, "Hypervisor/no other below", "missing", "runs under Xen")
        self.assert_fact(facts, "Processor/virtualization", "unknown")

    def test_xenstored_in_a_domain_of_its_own_name(self):
        machine = self.host(machines.under_xen)
        machine.put("/proc/300/comm", "xenstored\n")
        self.assert_fact(self.facts(machine), "Services/xenstored", "ok")

    def test_xl_that_hangs(self):
        machine = self.host(machines.under_xen)
        machine.programs["xl info"] = Unseen("xl did not answer within 30 s")
        self.assert_fact(self.facts(machine), "Memory/memory", "unknown", "within 30 s")

    def test_an_old_xen_that_does_not_tell_its_paging(self):
        machine = self.host(machines.under_xen)
        machine.programs["xl info"] = Ran(0, "virt_caps : hvm hvm_directio\ntotal_memory : 4096\n")
        self.assert_fact(self.facts(machine), "Processor/nested paging", "unknown")


class Broken(HostCheck):
    def test_all_of_it_is_told(self):
        machine = self.host(machines.broken)
        self.assertEqual(report(machine)[0], 1)
        facts = self.facts(machine)
        self.assertEqual(self.needs(facts), {
            "Processor/nested paging": "unknown", "Processor/IOMMU": "unknown", "Memory/memory": "unknown",
            "Hypervisor/Xen tools": "missing",
            "Devices//dev/xen/gntdev": "missing", "Devices//dev/xen/gntalloc": "warning",
            "Kernel/XEN_NETDEV_BACKEND": "missing", "Kernel/XEN_GRANT_DEV_ALLOC": "warning",
            "Kernel/XEN_BLKDEV_BACKEND": "missing", "Kernel/XEN_GNTDEV": "warning",
            "Boot/default entry": "missing", "Boot/our settings": "missing",
            "Services/xenconsoled": "missing", "Services/dom0's record": "missing", "Services/xendomains": "warning",
            "Services/xcp-hypervisord": "missing",
            "Programs/QEMU for Xen": "missing", "Programs/grub-xen": "warning"})
        self.assert_fact(facts, "Kernel/XEN_NETDEV_BACKEND", "missing", "not in this kernel", "CONFIG_XEN_NETDEV_BACKEND")
        self.assert_fact(facts, "Kernel/XEN_BLKDEV_BACKEND", "missing", "module is not in")
        self.assert_fact(facts, "Kernel/XEN_SCSI_BACKEND", "not needed")
        self.assert_fact(facts, "Services/xcp-hypervisord", "missing", "failed", "systemctl status")
        self.assert_fact(facts, "Memory/memory", "unknown", "cannot open xenstore")


class Kvm(HostCheck):
    def test_it_is_clean(self):
        machine = self.host(machines.kvm_host)
        status, told = report(machine, "--strict")
        self.assertEqual((status, told["hypervisor"], told["because"]), (0, "kvm", "its driver is installed"))
        facts = self.facts(machine)
        self.assertEqual(self.needs(facts), {})
        self.assert_fact(facts, "Hypervisor/nesting", "ok")

    def test_a_device_that_opens_and_lies(self):
        machine = self.host(machines.neither)
        status, told = report(machine)
        self.assertEqual((status, told["hypervisor"]), (1, "kvm"))
        facts = self.facts(machine)
        self.assert_fact(facts, "Hypervisor/KVM", "missing", "opens, but .* neither vmx nor svm")
        self.assert_fact(facts, "Processor/virtualization", "missing")
        self.assert_fact(facts, "Services/libvirt", "missing", todo="^dnf install libvirt-daemon-driver-qemu$")
        self.assert_fact(facts, "Kernel/OPENVSWITCH", "not needed")
        self.assert_fact(facts, "Memory/memory", "missing")

    def test_no_device(self):
        machine = self.host(machines.kvm_host)
        machine.take("/dev/kvm")
        machine.take("/sys/module/kvm_intel")
        facts = self.facts(machine)
        self.assert_fact(facts, "Hypervisor/KVM", "missing", "not there")
        self.assert_fact(facts, "Kernel/KVM", "warning", "not loaded", "modprobe kvm-intel")

    def test_a_device_that_does_not_open(self):
        machine = self.host(machines.kvm_host)
        machine.take("/dev/kvm")
        machine.put("/dev/kvm/is-a-directory")
        self.assert_fact(self.facts(machine), "Hypervisor/KVM", "missing", "cannot be opened")
        machine.privileged = False
        self.assert_fact(self.facts(machine), "Hypervisor/KVM", "unknown", "as root")

    def test_amd(self):
        machine = self.host(machines.kvm_host)
        machines.cpu(machine, flags="fpu lm svm npt", vendor="AuthenticAMD")
        self.assert_fact(self.facts(machine), "Kernel/KVM", "warning", "not loaded", "modprobe kvm-amd")

    def test_an_iommu_that_is_not_used(self):
        machine = self.host(machines.kvm_host)
        machine.take("/sys/class/iommu/dmar0")
        self.assert_fact(self.facts(machine), "Processor/IOMMU", "warning", todo="intel_iommu=on .* update-grub")

    def test_without_systemd_its_units_are_unknown(self):
        machine = self.host(machines.kvm_host)
        machine.programs["systemctl"] = Ran(1, "", "System has not been booted with systemd\nmore\n")
        facts = self.facts(machine)
        self.assert_fact(facts, "Services/libvirt", "unknown", "not been booted with systemd$")
        del machine.programs["systemctl"]
        self.assert_fact(self.facts(machine), "Services/libvirt", "unknown", "no systemctl")


class Unknowns(HostCheck):
    """What is not there to be read must never come out as ready."""

    def test_an_empty_machine(self):
        machine = self.host(lambda machine: machine.programs.clear())
        for which in ("--xen", "--kvm"):
            facts = self.facts(machine, which)
            for name in ("Processor/architecture", "Processor/virtualization", "Memory/memory", "Kernel/TUN"):
                self.assert_fact(facts, name, "unknown")
            self.assert_fact(facts, "Hypervisor/driver", "missing", todo="what Debian calls xcp-hypervisor-")
            self.assertEqual(report(machine, which)[0], 1)
        self.assertEqual(report(machine)[1]["hypervisor"], "kvm")

    def test_no_configuration_of_the_kernel(self):
        machine = self.host(machines.under_xen)
        machine.take(f"/boot/config-{RELEASE}")
        machine.take("/sys/module/xen_netback")
        facts = self.facts(machine)
        self.assert_fact(facts, "Kernel/XEN_DOM0", "unknown", "is nowhere")
        # A module that is at hand, or loaded, is known without it.
        self.assert_fact(facts, "Kernel/XEN_NETDEV_BACKEND", "warning", "not loaded")
        self.assert_fact(facts, "Kernel/XEN_GNTDEV", "ok", "loaded")

    def test_a_packed_configuration(self):
        import gzip
        machine = self.host(machines.under_xen)
        machine.put("/proc/config.gz", gzip.compress((machine.directory / f"boot/config-{RELEASE}").read_bytes()))
        machine.take(f"/boot/config-{RELEASE}")
        self.assertEqual(self.needs(self.facts(machine)), {})
        machine.put("/proc/config.gz", b"\x1f\x8bnonsense")
        self.assert_fact(self.facts(machine), "Kernel/XEN", "unknown", "cannot be unpacked")

    def test_a_menu_that_is_not_understood(self):
        machine = self.host(machines.xen_installed)
        machine.put("/boot/grub/grub.cfg", "menuentry 'a {\n}\n")
        facts = self.facts(machine)
        self.assert_fact(facts, "Boot/default entry", "unknown", "line 1")
        machine.take("/boot/grub/grub.cfg")
        self.assert_fact(self.facts(machine), "Boot/default entry", "unknown", "no menu of GRUB")

    def test_a_file_that_may_not_be_read(self):
        machine = self.host(machines.xen_installed)
        machine.take("/boot/grub/grub.cfg")
        machine.put("/boot/grub/grub.cfg/in-the-way")  # reading a directory fails for root too
        machine.privileged = False
        facts = self.facts(machine)
        self.assert_fact(facts, "Boot/default entry", "unknown", "as root")
        self.assert_fact(facts, "Hypervisor/Xen running", "warning", "not seen", "reboot")

    def test_a_fault_of_ours_is_not_hidden(self):
        machine = self.host(machines.debian)
        machine.programs["uname -rm"] = ZeroDivisionError()
        with self.assertRaises(ZeroDivisionError):
            report(machine, "--xen")


class Printing(HostCheck):
    def test_quiet_tells_only_what_needs_doing(self):
        self.assertEqual(text(self.host(machines.under_xen), "--quiet"), (0, ""))
        status, told = text(self.host(machines.xen_installed), "--quiet")
        self.assertEqual(status, 0)
        self.assertEqual(told, "Hypervisor\n  warning     Xen running          not yet: Xen is installed, and the "
                               "next boot starts it\n" + " " * 35 + "-> reboot\n")

    def test_lines_are_not_wider_than_a_hundred_columns(self):
        for builder in (machines.debian, machines.broken, machines.neither):
            for which in ("--xen", "--kvm"):
                for line in text(self.host(builder), which)[1].splitlines():
                    self.assertLessEqual(len(line), 100, line)

    def test_colours(self):
        machine = self.host(machines.xen_installed)
        self.assertNotIn("\033", text(machine)[1])
        coloured = text(machine, "--color", "always")[1]
        self.assertIn("\033[33mwarning", coloured)
        self.assertEqual(re.sub(r"\033\[[\d;]*m", "", coloured), text(machine)[1])

    def test_the_last_line_counts(self):
        self.assertRegex(text(self.host(machines.xen_installed))[1], r"\nUsable: 1 warning\.\n$")
        self.assertRegex(text(self.host(machines.neither))[1], r"\nNot ready: .*\d+ missing.*\n$")

    def test_wrong_usage(self):
        machine = self.host(machines.debian)
        for arguments in (["--xen", "--kvm"], ["--color", "pink"], ["--nonsense"], ["kvm"]):
            with self.assertRaises(SystemExit) as raised, contextlib.redirect_stderr(io.StringIO()):
                program.check(machine.machine(), arguments, io.StringIO())
            self.assertEqual(raised.exception.code, 2)


class RealMachine(unittest.TestCase):
    """This very machine, whatever it is: no fault, and nothing is changed."""

    def test_it_is_looked_at(self):
        for which in ("--xen", "--kvm"):
            out = io.StringIO()
            self.assertIn(program.check(Machine(), ["--json", which], out), (0, 1))
            self.assertGreater(len(json.loads(out.getvalue())["facts"]), 10)

    def test_programs(self):
        self.assertIsNone(run_program(["there-is-no-such-program"]))
        self.assertEqual(run_program(["sh", "-c", "echo x; echo y >&2; exit 3"]), Ran(3, "x\n", "y\n"))
        with self.assertRaises(Unseen):
            run_program(["tail", "-f", "/dev/null"], seconds=0.1)


if __name__ == "__main__":
    unittest.main()
