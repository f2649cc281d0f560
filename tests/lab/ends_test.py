#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab host: what follows when small pv guests crash, power off and reboot, as their files and XenAPI
# say: a new domain, none, one that is kept, one that is put aside, and the memory of a crashed one in a file.
import pathlib
import tempfile
import unittest

from xenhost import OUR_XL, TEST, THEIR_XL, Installed, World, cases_of, domains, run, run_tests, wait_for

CORES = pathlib.Path("/var/lib/xen/dump")
MEBIBYTES = 128
NAME = "ends"


class Ends(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Installed()
        cls.addClassCleanup(cls.host.close)

    def setUp(self):
        self.cores_before = set(CORES.glob("*"))
        self.addCleanup(self.clear)

    def cores(self):
        return set(CORES.glob("*")) - self.cores_before

    def clear(self):
        for domain in domains():
            if domain.startswith(NAME):
                run(THEIR_XL, "destroy", domain.rpartition("/")[2])
        run(OUR_XL, "list")
        for core in self.cores():
            core.unlink()

    def make(self, **settings):
        """Its number, when its kernel listens to orders."""
        lines = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as config:
            config.write(f'name = "{NAME}"\ntype = "pv"\nmemory = {MEBIBYTES}\nkernel = "{TEST}/vmlinuz"\n'
                         f'ramdisk = "{TEST}/initrd.img"\nextra = "console=hvc0 sysrq_always_enabled"\n{lines}')
            config.flush()
            run(OUR_XL, "create", config.name)
        return self.ready()

    def ready(self):
        [number] = [name.rpartition("/")[2] for name in domains() if name.startswith(f"{NAME}/")]
        wait_for(lambda: run("sh", "-c", f"xenstore-read /local/domain/{number}/attr/PVAddons/MajorVersion || true"),
                 bool, "the guest's agent")
        return number

    def after(self, number):
        """Domains of this test, once the one with this number has ended: {name: state}."""
        wait_for(lambda: domains().get(f"{NAME}/{number}", "gone"),
                 lambda state: state == "gone" or set(state) & set("sc"), "the domain's state")
        wait_for(lambda: self.host.ask("xcp-hypervisord", "domains"),
                 lambda found: not any(domain["busy"] for domain in found), "what the daemon does")
        return {name: state for name, state in domains().items() if name.startswith(NAME)}

    def wait_for_new(self, number):
        wait_for(domains, lambda found: any(name.startswith(f"{NAME}/") and name != f"{NAME}/{number}" for name in found),
                 "the new domain")
        return self.ready()

    def assert_core(self, told):
        [core] = self.cores()
        self.assertIn(told, core.name)
        self.assertEqual(core.read_bytes()[:4], b"\x7fELF")
        self.assertGreaterEqual(core.stat().st_size, MEBIBYTES << 20)
        self.assertEqual(core.stat().st_mode & 0o777, 0o600)

    def crash(self, number):
        run(OUR_XL, "sysrq", number, "c")

    def test_crash_with_a_core(self):
        number = self.make(on_crash="coredump-destroy")
        self.crash(number)
        self.assertEqual(wait_for(lambda: self.after(number), lambda found: not found, "what is left"), {})
        self.assert_core(NAME)

    def test_crash_with_a_core_and_again(self):
        number = self.make(on_crash="coredump-restart")
        self.crash(number)
        self.assertNotEqual(self.wait_for_new(number), number)
        self.assert_core(NAME)

    def test_crash_put_aside(self):
        number = self.make(on_crash="rename-restart")
        self.crash(number)
        again = self.wait_for_new(number)
        found = {name.rpartition("/")[2]: (name.rpartition("/")[0], state) for name, state in domains().items()}
        self.assertRegex(found[number][0], rf"^{NAME}-\d+T\d+Z$")
        self.assertIn("c", found[number][1])
        self.assertEqual(found[again][0], NAME)
        # It is nobody's: the daemon leaves it alone, and anybody may remove it.
        ours = {str(domain["domid"]): domain["ours"] for domain in self.host.ask("xcp-hypervisord", "domains")}
        self.assertEqual((ours.get(number, False), ours[again]), (False, True))

    def test_crash_kept(self):
        number = self.make(on_crash="preserve")
        self.crash(number)
        self.assertIn("c", self.after(number)[f"{NAME}/{number}"])

    def test_power_off_and_again(self):
        number = self.make(on_poweroff="restart")
        run(OUR_XL, "shutdown", number)
        self.wait_for_new(number)

    def test_power_off_kept(self):
        number = self.make(on_poweroff="preserve")
        run(OUR_XL, "shutdown", number)
        self.assertIn("s", self.after(number)[f"{NAME}/{number}"])

    def test_reboot_as_power_off(self):
        number = self.make(on_reboot="destroy")
        run(OUR_XL, "reboot", number)
        self.assertEqual(wait_for(lambda: self.after(number), lambda found: not found, "what is left"), {})

    def test_crash_of_a_vm_of_xapi(self):
        world = World(self.host)
        self.addCleanup(world.close)
        vm = world.guest("crashes")
        world.client.call("VM.set_PV_args", vm, world.client.call("VM.get_PV_args", vm) + " sysrq_always_enabled")
        world.client.call("VM.set_actions_after_crash", vm, "coredump_and_restart")
        world.client.call("VM.start", vm, False, False)
        world.await_agent(vm)
        uuid = world.uuid(vm)
        before = self.host.ask("xcp-hypervisord", "domain", uuid)["domid"]
        self.crash(before)
        wait_for(lambda: self.host.ask("xcp-hypervisord", "domain", uuid),
                 lambda domain: domain and domain["domid"] != before and domain["power"] == "running", "its new domain")
        self.assert_core("crashes")


if __name__ == "__main__":
    run_tests(cases_of(Ends))
