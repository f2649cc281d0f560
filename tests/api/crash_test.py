# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of each daemon at every step of every operation on a guest. A first run of the operation
# traces the fault points it passes; then it is repeated for each of them with the daemon dying
# there. After the restart nothing acknowledged is lost, nothing is left over that no record has,
# guests that ran run on, and the operation can be carried out.
import http.client
import os
import random
import threading
import time
import unittest
from collections import Counter

from host import DRIVER, ApiError, Host, World
from reality import NULL, problems

DAEMONS = ("xapi", "xcp-hypervisord", "xcp-storaged", "xcp-networkd")
GONE = (OSError, http.client.HTTPException)


class Subject:
    """The guest that is operated on; arrange_* lead to a state from whatever a crash left."""

    def __init__(self, world):
        self.world = world
        self.vm = world.guest("subject", disks=2, vifs=1)
        self.vbd = world.vbd(self.vm, world.disk("hot"), "5")
        self.vif = world.vif(self.vm, "3")

    def call(self, method, *params):
        return self.world.client.call(method, *params)

    def state(self):
        return self.call("VM.get_power_state", self.vm)

    def halted(self):
        if self.state() != "Halted":
            self.call("VM.hard_shutdown", self.vm)

    def running(self):
        state = self.state()
        if state == "Suspended":
            self.call("VM.resume", self.vm, False, False)
        elif state == "Halted":
            self.call("VM.start", self.vm, False, False)
        elif state == "Paused":
            self.call("VM.unpause", self.vm)

    def suspended(self):
        if self.state() != "Suspended":
            self.running()
            self.call("VM.suspend", self.vm)

    def booted(self):
        self.running()
        self.world.await_agent(self.vm)

    def unplugged(self, kind, ref):
        self.booted()
        if self.call(f"{kind}.get_currently_attached", ref):
            self.call(f"{kind}.unplug", ref)

    def plugged(self, kind, ref):
        self.booted()
        if not self.call(f"{kind}.get_currently_attached", ref):
            self.call(f"{kind}.plug", ref)

    def attached(self, kind, ref):
        return self.call(f"{kind}.get_currently_attached", ref)

    def remove(self, vm):
        disks = [self.call("VBD.get_VDI", vbd) for vbd in self.call("VM.get_VBDs", vm)]
        disks.append(self.call("VM.get_suspend_VDI", vm))
        self.call("VM.destroy", vm)
        for disk in disks:
            if disk != NULL:
                try:
                    self.call("VDI.destroy", disk)
                except ApiError as error:
                    if error.code != "HANDLE_INVALID":  # VM.destroy takes the suspend image along
                        raise

    def without_copies(self):
        for copy in self.call("VM.get_by_name_label", "copy"):
            self.remove(copy)

    def without_snapshots(self):
        for snapshot in self.call("VM.get_snapshots", self.vm):
            self.remove(snapshot)


class Operation:
    """arrange: the state before; method and params: the operation; done: the state after?"""

    def __init__(self, method, params, arrange, done):
        self.method, self.params, self.arrange, self.done = method, params, arrange, done

    def run(self, client):
        return client.call(self.method, *self.params)


def operations(s):
    def both(*steps):
        return lambda: [step() for step in steps]

    def is_in(state):
        return lambda: s.state() == state

    def has_snapshot():
        return bool(s.call("VM.get_snapshots", s.vm))

    def has_copy():
        return bool(s.call("VM.get_by_name_label", "copy"))

    return {
        "start": Operation("VM.start", (s.vm, False, False), s.halted, is_in("Running")),
        "shutdown": Operation("VM.hard_shutdown", (s.vm,), s.running, is_in("Halted")),
        "suspend": Operation("VM.suspend", (s.vm,), s.running, is_in("Suspended")),
        "resume": Operation("VM.resume", (s.vm, False, False), s.suspended, is_in("Running")),
        "migrate": Operation("VM.pool_migrate", (s.vm, s.world.host_ref, {}), s.running,
                             is_in("Running")),
        "snapshot": Operation("VM.snapshot", (s.vm, "copy", []), both(s.without_snapshots, s.halted),
                              has_snapshot),
        "snapshot_live": Operation("VM.snapshot", (s.vm, "copy", []),
                                   both(s.without_snapshots, s.running), has_snapshot),
        "clone": Operation("VM.clone", (s.vm, "copy"), both(s.without_copies, s.halted), has_copy),
        "plug_disk": Operation("VBD.plug", (s.vbd,), lambda: s.unplugged("VBD", s.vbd),
                               lambda: s.attached("VBD", s.vbd)),
        "plug_nic": Operation("VIF.plug", (s.vif,), lambda: s.unplugged("VIF", s.vif),
                              lambda: s.attached("VIF", s.vif)),
        "clean_shutdown": Operation("VM.clean_shutdown", (s.vm,), s.booted, is_in("Halted")),
        "checkpoint": Operation("VM.checkpoint", (s.vm, "copy"), both(s.without_snapshots, s.running),
                                has_snapshot),
        "unplug_disk": Operation("VBD.unplug", (s.vbd,), lambda: s.plugged("VBD", s.vbd),
                                 lambda: not s.attached("VBD", s.vbd)),
        "unplug_nic": Operation("VIF.unplug", (s.vif,), lambda: s.plugged("VIF", s.vif),
                                lambda: not s.attached("VIF", s.vif)),
    }


class Call(threading.Thread):
    """One operation over a connection of its own; outcome: "done", an ApiError, or "lost"."""

    def __init__(self, host, operation):
        super().__init__(daemon=True)
        self.client = host.client()
        self.operation, self.outcome = operation, None

    def run(self):
        try:
            self.operation.run(self.client)
            self.outcome = "done"
        except ApiError as error:
            self.outcome = error
        except GONE:
            self.outcome = "lost"
        finally:
            self.client.close()


class Place:
    """A host with a guest that is operated on and one that must never notice."""

    def __init__(self):
        self.host = Host(sim_options=["time_scale=0"]).start()
        try:
            self.world = World(self.host, "file")
            self.bystander = self.world.guest("bystander")
            self.call("VM.start", self.bystander, False, False)
            self.subject = Subject(self.world)
            self.operations = operations(self.subject)
            self.notes = 0
            self.slowest = (0, "")
            self.life = self.domain(self.bystander)
        except BaseException:
            self.host.close()
            raise

    def call(self, method, *params):
        return self.world.client.call(method, *params)

    def domain(self, vm):
        domain = self.host.ask("xcp-hypervisord", "domain", self.call("VM.get_uuid", vm))
        return None if domain is None else (domain["domid"], domain["start_time"], domain["power"])

    def disks_of_nobody(self):
        used = {vm["suspend_VDI"] for vm in self.call("VM.get_all_records").values()}
        return {ref for ref, vdi in self.call("VDI.get_all_records").items()
                if not vdi["VBDs"] and ref not in used}

    def note(self):
        """An acknowledged write."""
        self.notes += 1
        self.call("VM.add_to_other_config", self.bystander, f"note-{self.notes}", "kept")

    def settle(self, known_disks, seconds=10):
        deadline = time.monotonic() + seconds
        found = ["nothing was read"]
        while time.monotonic() < deadline:
            try:
                found = problems(self.host, self.world.client, known_disks)
            except (KeyError, *GONE) as error:  # something changed or is away while it is read
                found = [repr(error)]
            except ApiError as error:
                found = [str(error)]
            if not found:
                return []
            time.sleep(0.05)
        return found

    def restart(self, daemon, **faults):
        """Back in service: the daemon answers, and so does the API."""
        self.host.kill(daemon)
        began = time.monotonic()
        self.host.start(daemon, **faults)
        if daemon == "xapi":
            self.world.client.close()
            self.world.client.login()
        else:
            ask = {"xcp-hypervisord": "domains", "xcp-storaged": "srs", "xcp-networkd": "ports"}
            self.host.ask(daemon, ask[daemon])
        self.call("VM.get_all_records")
        taken = time.monotonic() - began
        self.slowest = max(self.slowest, (taken, daemon))
        return taken

    def points(self, operation, daemon):
        """What the daemon passes during the operation: (name, how often since the start)."""
        operation.arrange()
        trace = self.host.state / "trace"
        trace.unlink(missing_ok=True)
        self.host.kill(daemon)
        self.restart(daemon, trace=trace)
        self.settle(self.disks_of_nobody())
        before = trace.read_text().split("\n")[:-1] if trace.exists() else []
        operation.run(self.world.client)
        after = trace.read_text().split("\n")[:-1] if trace.exists() else []
        self.restart(daemon)  # the trace is the next one's
        self.settle(self.disks_of_nobody())
        count = Counter(before)
        for name in after[len(before):]:
            count[name] += 1
            yield name, count[name]

    def verify(self, known_disks):
        wrong = self.settle(known_disks)
        config = self.call("VM.get_other_config", self.bystander)
        wrong += [f"note {n} is lost" for n in range(1, self.notes + 1) if f"note-{n}" not in config]
        if self.domain(self.bystander) != self.life:
            wrong.append(f"the other guest is {self.domain(self.bystander)}, it was {self.life}")
        return wrong

    def die(self, daemon, call):
        """Waits for the daemon's end; False when the call ends without it."""
        process = self.host.processes[daemon]
        while call.is_alive() and process.poll() is None:
            call.join(0.005)
        deadline = time.monotonic() + 1
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return process.poll() is not None

    def strike(self, operation, daemon, name, passing):
        """What is wrong after the daemon has died at that point of the operation."""
        operation.arrange()
        known_disks = self.disks_of_nobody()
        self.note()
        try:
            self.restart(daemon, fault=f"{name}=kill:{passing}")
            wrong = self.settle(known_disks)
            if wrong:
                return [f"already before the operation: {text}" for text in wrong]
            call = Call(self.host, operation)
            call.start()
        except (RuntimeError, *GONE) as error:
            self.restart(daemon)
            return [f"died before the operation: {error}"]
        struck = self.die(daemon, call)
        self.restart(daemon)
        call.join(120)
        wrong = [] if struck else ["was not reached"]
        if call.is_alive():
            return [*wrong, "the call never ended"]
        wrong += self.verify(known_disks)
        if call.outcome == "done" and not operation.done():
            wrong.append("the call was acknowledged, and its effect is lost")
        if daemon == "xapi" and struck and call.outcome != "lost":
            wrong.append(f"the dead answered {call.outcome}")
        if not wrong and not operation.done():
            try:
                operation.run(self.world.client)
            except ApiError as error:
                wrong.append(f"it cannot be repeated: {error}")
            else:
                wrong += self.verify(known_disks)
        return wrong


class Crash(unittest.TestCase):
    place = None

    @classmethod
    def tearDownClass(cls):
        cls.leave()

    @classmethod
    def leave(cls):
        place, Crash.place = cls.place, None
        if place:
            print(f"slowest return to service: {place.slowest[1]}, {place.slowest[0]:.2f} s")
            place.host.close()

    def enter(self):
        if Crash.place is None:
            Crash.place = Place()
        return Crash.place

    def check(self, name, daemon):
        place = self.enter()
        wrong = []
        try:
            operation = place.operations[name]
            points = list(place.points(operation, daemon))
            for number, (point, passing) in enumerate(points):
                if number % 6 == 5:  # images that stand on images are at most 30
                    self.leave()
                    place = self.enter()
                    operation = place.operations[name]
                found = place.strike(operation, daemon, point, passing)
                wrong += [f"{point} ({passing}): {text}" for text in found]
                if found:  # what follows is to begin from a sound host
                    print(f"\n  {wrong[-len(found):]}", flush=True)
                    self.leave()
                    place = self.enter()
                    operation = place.operations[name]
            print(f"{len(points)} points ", end="", flush=True)
            self.assertEqual(wrong, [])
            if daemon == "xapi":
                self.assertGreater(len(points), 1)
            self.assertLess(place.slowest[0], 20)
        except BaseException:
            self.leave()
            raise

    def test_any_moment(self):
        """Between the points as well: in a commit, before an answer."""
        seed = int(os.environ.get("XCP_SEED", random.randrange(1 << 32)))
        print(f"XCP_SEED={seed} ", end="", flush=True)
        dice = random.Random(seed)
        place = self.enter()
        try:
            for _ in range(40 if DRIVER == "sim" else 10):
                name = dice.choice(sorted(place.operations))
                daemon = dice.choice(DAEMONS)
                operation = place.operations[name]
                operation.arrange()
                known_disks = place.disks_of_nobody()
                place.note()
                call = Call(place.host, operation)
                call.start()
                call.join(dice.uniform(0, 0.1 if DRIVER == "sim" else 1))
                place.restart(daemon)
                call.join(120)
                wrong = place.verify(known_disks)
                if call.outcome == "done" and not operation.done():
                    wrong.append("acknowledged, and lost")
                self.assertEqual(wrong, [], f"{daemon} killed during {name}: {call.outcome}")
        except BaseException:
            self.leave()
            raise


def add_tests():
    names = ["start", "shutdown", "snapshot", "snapshot_live", "clone", "plug_disk", "unplug_disk",
             "plug_nic", "unplug_nic"]
    if DRIVER == "sim" or "XCP_CRASH_ALL" in os.environ:  # eight minutes more over QEMU
        names += ["clean_shutdown", "suspend", "resume", "checkpoint"]
    if DRIVER != "libvirt":  # which cannot
        names.append("migrate")
    for name in names:
        for daemon in DAEMONS:
            def test(self, name=name, daemon=daemon):
                self.check(name, daemon)
            setattr(Crash, f"test_{name}_{daemon.replace('-', '_')}", test)


add_tests()

if __name__ == "__main__":
    unittest.main()
