# SPDX-License-Identifier: GPL-2.0-or-later
# The life of a VM through the API. The same class runs over the simulated hypervisor here and over
# QEMU in the guest lane (XCP_DRIVER=libvirt).
import unittest

from host import DRIVER, ApiError, Host, World, await_value
from reality import NULL



class Lifecycle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host().start()
        cls.addClassCleanup(cls.host.close)
        cls.world = World(cls.host)
        cls.call = staticmethod(cls.world.client.call)

    def state(self, vm):
        return self.call("VM.get_power_state", vm)

    def allowed(self, vm):
        return set(self.call("VM.get_allowed_operations", vm))

    def running(self, name, **devices):
        vm = self.world.guest(name, **devices)
        self.call("VM.start", vm, False, False)
        self.addCleanup(self.remove, vm)
        return vm

    def remove(self, vm):
        if self.state(vm) != "Halted":
            self.call("VM.hard_shutdown", vm)
        disks = [self.call("VBD.get_VDI", vbd) for vbd in self.call("VM.get_VBDs", vm)]
        self.call("VM.destroy", vm)
        for disk in disks:
            if disk != "OpaqueRef:NULL":
                self.call("VDI.destroy", disk)

    def let_it_come_up(self, vm):
        """A paravirtualized guest has a part in its suspension; others are saved at any moment."""
        if DRIVER == "libxl":
            self.world.await_agent(vm)

    def refused(self, code, method, *args):
        with self.assertRaises(ApiError) as caught:
            self.call(method, *args)
        self.assertEqual(caught.exception.code, code)
        return caught.exception.params

    def test_start_pause_and_stop(self):
        vm = self.running("start")
        self.assertEqual(self.state(vm), "Running")
        self.assertIn("pause", self.allowed(vm))
        self.assertNotIn("start", self.allowed(vm))
        self.assertEqual(self.call("VM.get_resident_on", vm), self.world.host_ref)
        self.call("VM.pause", vm)
        self.assertEqual(self.state(vm), "Paused")
        self.assertIn("unpause", self.allowed(vm))
        self.call("VM.unpause", vm)
        self.call("VM.hard_shutdown", vm)
        self.assertEqual(self.state(vm), "Halted")
        self.assertIn("start", self.allowed(vm))
        self.assertEqual(self.call("VM.get_consoles", vm), [])

    def test_start_paused_on_a_named_host(self):
        vm = self.world.guest("paused")
        self.addCleanup(self.remove, vm)
        self.call("VM.start_on", vm, self.world.host_ref, True, False)
        self.assertEqual(self.state(vm), "Paused")

    def test_wrong_state_is_refused_and_changes_nothing(self):
        vm = self.world.guest("wrong")
        self.addCleanup(self.remove, vm)
        params = self.refused("VM_BAD_POWER_STATE", "VM.pause", vm)
        self.assertEqual(params, [vm, "running", "halted"])
        self.refused("VM_IS_TEMPLATE", "VM.start", self.world.template(), False, False)
        self.assertEqual(self.state(vm), "Halted")

    def test_devices_follow_the_guest(self):
        vm = self.running("devices", disks=2)
        for vbd in self.call("VM.get_VBDs", vm):
            self.assertTrue(self.call("VBD.get_currently_attached", vbd))
        for vif in self.call("VM.get_VIFs", vm):
            self.assertTrue(self.call("VIF.get_currently_attached", vif))
        disk = self.call("VBD.get_VDI", self.call("VM.get_VBDs", vm)[0])
        self.refused("VDI_IN_USE", "VDI.destroy", disk)
        self.call("VM.hard_shutdown", vm)
        for vbd in self.call("VM.get_VBDs", vm):
            self.assertFalse(self.call("VBD.get_currently_attached", vbd))

    def test_clone_and_destroy(self):
        vm = self.world.guest("origin")
        self.addCleanup(self.remove, vm)
        copy = self.call("VM.clone", vm, "copy")
        macs = {self.call("VIF.get_MAC", vif) for one in (vm, copy) for vif in self.call("VM.get_VIFs", one)}
        self.assertEqual(len(macs), 2)
        self.assertEqual(self.call("VM.get_name_label", copy), "copy")
        self.remove(copy)
        self.refused("HANDLE_INVALID", "VM.get_record", copy)

    def test_snapshot_and_revert(self):
        vm = self.world.guest("reverted")
        self.addCleanup(self.remove, vm)
        self.call("VM.set_name_description", vm, "before")
        snapshot = self.call("VM.snapshot", vm, "s1", [])
        self.assertTrue(self.call("VM.get_is_a_snapshot", snapshot))
        self.assertEqual(self.call("VM.get_snapshots", vm), [snapshot])
        self.call("VM.set_name_description", vm, "after")
        self.call("VM.revert", snapshot)
        self.assertEqual(self.call("VM.get_name_description", vm), "before")
        self.remove(snapshot)

    def test_snapshot_of_a_running_guest(self):
        vm = self.running("live")
        snapshot = self.call("VM.snapshot", vm, "s2", [])
        self.assertEqual(self.state(vm), "Running")
        self.call("VM.hard_shutdown", vm)
        self.remove(snapshot)

    def test_suspend_and_resume(self):
        vm = self.running("suspended")
        self.let_it_come_up(vm)
        self.call("VM.suspend", vm)
        self.assertEqual(self.state(vm), "Suspended")
        image = self.call("VM.get_suspend_VDI", vm)
        self.assertEqual(self.call("VDI.get_type", image), "suspend")
        self.call("VM.resume", vm, False, False)
        self.assertEqual(self.state(vm), "Running")
        self.refused("HANDLE_INVALID", "VDI.get_uuid", image)

    def test_what_was_unplugged_stays_so_over_a_suspension(self):
        vm = self.running("changed")
        self.world.await_agent(vm)
        network = self.call("VIF.get_network", self.call("VM.get_VIFs", vm)[0])
        vif = self.call("VIF.create", {"VM": vm, "network": network, "device": "1", "MAC": "", "MTU": "1500",
                                       "other_config": {}, "qos_algorithm_type": "", "qos_algorithm_params": {}})
        self.call("VIF.plug", vif)
        self.call("VIF.unplug", vif)
        attached = {ref: self.call("VIF.get_currently_attached", ref) for ref in self.call("VM.get_VIFs", vm)}
        checkpoint = self.call("VM.checkpoint", vm, "without the NIC")
        self.addCleanup(self.remove_snapshot, checkpoint)
        self.call("VIF.plug", vif)
        self.call("VM.suspend", vm)
        self.call("VM.resume", vm, False, False)
        self.assertTrue(self.call("VIF.get_currently_attached", vif))
        self.call("VM.revert", checkpoint)
        self.call("VM.resume", vm, False, False)
        self.assertEqual({ref: self.call("VIF.get_currently_attached", ref) for ref in attached}, attached)

    def test_migrate_to_its_own_host(self):
        vm = self.running("mover")
        self.let_it_come_up(vm)
        here = self.world.host_ref
        if "migrate" not in self.call("host.get_capabilities", here):
            self.assertNotIn("pool_migrate", self.allowed(vm))
            self.refused("VM_LACKS_FEATURE", "VM.pool_migrate", vm, here, {})
            return
        self.assertIn("pool_migrate", self.allowed(vm))
        self.refused("INVALID_VALUE", "VM.pool_migrate", vm, here, {"live": "perhaps"})
        self.refused("HANDLE_INVALID", "VM.pool_migrate", vm, NULL, {})
        before = self.call("VM.get_record", vm)
        task = self.call("Async.VM.pool_migrate", vm, here, {"live": "true"})
        self.addCleanup(self.call, "task.destroy", task)
        status = await_value(lambda: self.call("task.get_status", task), lambda s: s != "pending", 240)
        self.assertEqual(status, "success", self.call("task.get_error_info", task))
        self.assertEqual(self.call("task.get_progress", task), 1.0)
        after = self.call("VM.get_record", vm)
        self.assertNotEqual(after["domid"], before["domid"])
        for field in ("power_state", "resident_on", "consoles", "VBDs", "VIFs", "allowed_operations"):
            self.assertEqual(after[field], before[field], field)
        self.assertEqual(after["current_operations"], {})
        for vbd in after["VBDs"]:
            self.assertTrue(self.call("VBD.get_currently_attached", vbd))
        for vif in after["VIFs"]:
            self.assertTrue(self.call("VIF.get_currently_attached", vif))
        self.call("VM.pause", vm)
        self.refused("VM_BAD_POWER_STATE", "VM.pool_migrate", vm, here, {})

    def test_hotplug(self):
        vm = self.running("plugged", disks=1, vifs=0)
        vbd = self.world.vbd(vm, self.world.disk("hot"))
        self.call("VBD.plug", vbd)
        self.assertTrue(self.call("VBD.get_currently_attached", vbd))
        self.refused("DEVICE_ALREADY_ATTACHED", "VBD.plug", vbd)
        vif = self.world.vif(vm)
        self.call("VIF.plug", vif)
        self.assertTrue(self.call("VIF.get_currently_attached", vif))
        self.world.await_agent(vm)
        self.call("VIF.unplug", vif)
        self.assertFalse(self.call("VIF.get_currently_attached", vif))
        self.call("VBD.unplug", vbd)
        self.assertFalse(self.call("VBD.get_currently_attached", vbd))

    def test_memory_and_vcpus(self):
        vm = self.world.guest("sized")
        self.addCleanup(self.remove, vm)
        self.call("VM.set_memory_limits", vm, 64 << 20, 128 << 20, 128 << 20, 128 << 20)
        self.refused("MEMORY_CONSTRAINT_VIOLATION_ORDER", "VM.set_memory_dynamic_max", vm, 1 << 40)
        self.call("VM.set_VCPUs_max", vm, 2)
        self.refused("INVALID_VALUE", "VM.set_VCPUs_at_startup", vm, 3)
        self.assertEqual(self.call("VM.get_VCPUs_max", vm), 2)

    def test_checkpoint_and_revert(self):
        vm = self.running("kept")
        self.let_it_come_up(vm)
        checkpoint = self.call("VM.checkpoint", vm, "c1")
        self.assertEqual(self.state(vm), "Running")
        self.assertEqual(self.state(checkpoint), "Suspended")
        self.call("VM.revert", checkpoint)
        self.assertEqual(self.state(vm), "Suspended")
        self.call("VM.resume", vm, False, False)
        self.assertEqual(self.state(vm), "Running")
        self.call("VM.hard_shutdown", vm)
        self.remove_snapshot(checkpoint)

    def remove_snapshot(self, snapshot):
        disks = [self.call("VBD.get_VDI", vbd) for vbd in self.call("VM.get_VBDs", snapshot)]
        self.call("VM.destroy", snapshot)
        for disk in disks:
            self.call("VDI.destroy", disk)

    def test_domain_types(self):
        vm = self.world.guest("typed")
        self.addCleanup(self.remove, vm)
        self.refused("VALUE_NOT_SUPPORTED", "VM.set_domain_type", vm, "unspecified")
        self.call("VM.set_HVM_boot_policy", vm, "BIOS order")
        self.assertEqual(self.call("VM.get_domain_type", vm), "hvm")
        self.call("VM.set_domain_type", vm, "pv")
        self.assertEqual(self.call("VM.get_HVM_boot_policy", vm), "")
        if DRIVER == "libvirt":
            self.refused("VALUE_NOT_SUPPORTED", "VM.start", vm, False, False)
            self.assertEqual(self.state(vm), "Halted")
            return
        self.call("VM.start", vm, False, False)
        metrics = self.call("VM.get_metrics", vm)
        self.assertEqual(self.call("VM_metrics.get_current_domain_type", metrics), "pv")
        self.assertFalse(self.call("VM_metrics.get_hvm", metrics))
        self.refused("VM_BAD_POWER_STATE", "VM.set_domain_type", vm, "hvm")

    def test_operations_exclude_each_other(self):
        vm = self.running("locked")
        self.let_it_come_up(vm)
        task = self.call("Async.VM.suspend", vm)
        try:
            self.call("VM.pause", vm)
        except ApiError as error:
            self.assertIn(error.code, ("OTHER_OPERATION_IN_PROGRESS", "VM_BAD_POWER_STATE"))
        else:
            # The pause came first: then the suspension has to be refused.
            pass
        await_value(lambda: self.call("task.get_status", task), lambda s: s != "pending")
        self.assertIn(self.state(vm), ("Suspended", "Paused"))

    def test_clean_shutdown_and_reboot(self):
        vm = self.running("clean")
        self.world.await_agent(vm)
        metrics = self.call("VM.get_guest_metrics", vm)
        if DRIVER != "libxl":  # nobody gives out addresses on the tests' own bridge
            await_value(lambda: self.call("VM_guest_metrics.get_networks", metrics), len, what="networks")
        self.call("VM.clean_reboot", vm)
        self.assertEqual(self.state(vm), "Running")
        self.world.await_agent(vm)
        self.call("VM.clean_shutdown", vm)
        self.assertEqual(self.state(vm), "Halted")


if __name__ == "__main__":
    unittest.main()
