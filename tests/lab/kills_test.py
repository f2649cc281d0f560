#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab host: kill -9 of the installed daemons in the middle of operations on a small pv guest, at
# moments that XCP_SEED gives again. The operations, and what is compared after each kill, are those of the API
# suite's own kills (../api/crash_test.py, ../api/reality.py); besides, Xen itself must have one copy of the
# guest at most, the guest must start and stop afterwards, and in the end the host holds what it held before. An
# argument is the number of kills.
import os
import random
import re
import sys
import time
import unittest

from footprint import Footprint, settled, show
from xenhost import THEIR_XL, Installed, World, cases_of, domains, run, run_tests, wait_for

from crash_test import GONE, Call, Operation, Subject, operations  # noqa: E402  (xenhost says where)
from host import ApiError  # noqa: E402
from reality import problems  # noqa: E402

ROUNDS = 8
DAEMONS = ("xcp-hypervisord", "xcp-storaged", "xcp-networkd", "xapi")
NAMES = ("start", "suspend", "resume", "plug_disk", "unplug_disk", "plug_nic", "unplug_nic", "shutdown")
SERVICE_SECONDS = 30
RECONCILED_SECONDS = 60
CALL_SECONDS = 300
# The daemons are other processes afterwards.
ALLOWED = {"KiB resident": None, "CPU seconds": None, "descriptors": 16, "threads": 16, "files in /var/log/xen": None}


class Ready(Subject):
    """Runs once its kernel has taken its devices. One that was resumed tells nothing anew as an agent does."""

    def __init__(self, world, host):
        super().__init__(world)
        self.host = host

    def running(self):
        super().running()
        uuid = self.world.uuid(self.vm)

        def states():
            domain = self.host.ask("xcp-hypervisord", "domain", uuid)
            lines = run("xenstore-ls", "-f", f"/local/domain/{domain['domid']}/device").splitlines()
            return [line.split('"')[1] for line in lines if re.search(r"/(vbd|vif)/\d+/state = ", line)]
        wait_for(states, lambda found: found and set(found) == {"4"}, "the state of its devices", 120)

    def booted(self):
        self.running()


class Place:
    """A guest that is operated on and one that must never notice."""

    def __init__(self, host):
        self.host, self.world = host, World(host)
        self.bystander = self.world.guest("bystander")
        self.call("VM.start", self.bystander, False, False)
        self.world.await_agent(self.bystander)
        self.life = self.domain(self.bystander)
        self.subject = Ready(self.world, host)
        known = operations(self.subject)
        self.operations = {name: known[name] for name in NAMES}
        self.seconds = {}

    def call(self, method, *params):
        return self.world.client.call(method, *params)

    def domain(self, vm):
        domain = self.host.ask("xcp-hypervisord", "domain", self.world.uuid(vm))
        return None if domain is None else (domain["domid"], domain["start_time"], domain["power"])

    def tour(self):
        """Every operation once in peace; how long each takes."""
        for name, operation in self.operations.items():
            operation.arrange()
            began = time.monotonic()
            operation.run(self.world.client)
            self.seconds[name] = time.monotonic() - began
            if not operation.done():
                raise AssertionError(f"{name} had no effect")
        self.try_migrate()
        print("    undisturbed: " + ", ".join(f"{name} {taken:.1f} s" for name, taken in self.seconds.items()), flush=True)

    def try_migrate(self):
        """To itself, where xapi offers that."""
        operation = Operation("VM.pool_migrate", (self.subject.vm, self.world.host_ref, {"live": "true"}),
                              self.subject.booted, lambda: self.subject.state() == "Running")
        operation.arrange()
        began = time.monotonic()
        try:
            operation.run(self.world.client)
        except ApiError as error:
            if error.code not in ("NOT_IMPLEMENTED", "MESSAGE_METHOD_UNKNOWN"):
                raise
            print(f"    migration is left out, xapi does not offer it: {error}", flush=True)
        else:
            self.operations["migrate"] = operation
            self.seconds["migrate"] = time.monotonic() - began

    # ---- one kill ----

    def await_service(self, daemon, killed):
        """Until systemd has started it anew and it answers, and xapi knows of it; how long that took."""
        began = time.monotonic()
        ask = {"xcp-hypervisord": "domains", "xcp-storaged": "srs", "xcp-networkd": "ports"}
        while True:
            try:
                if self.host.pid(daemon) in (0, killed):
                    raise ConnectionError(f"{daemon} is not there")
                if daemon == "xapi":
                    self.world.client.close()
                    self.world.client.login("root", "")
                else:
                    self.host.ask(daemon, ask[daemon])
                self.call("VM.get_all_records")
                return time.monotonic() - began
            except GONE as error:
                if time.monotonic() - began > SERVICE_SECONDS:
                    raise AssertionError(f"{daemon} is not back after {SERVICE_SECONDS} s: {error}") from error
                time.sleep(0.05)

    def xen_differs(self):
        """What Xen says of the guest, against what xapi says."""
        uuid = self.world.uuid(self.subject.vm)
        copies = [line for line in run(THEIR_XL, "vm-list").splitlines() if line.startswith(uuid)]
        state = self.subject.state()
        found = []
        if len(copies) != (state in ("Running", "Paused")):
            found.append(f"the guest is {state} and Xen has {copies or 'none'}")
        found += [f"{name} is dying" for name, flags in domains().items() if "d" in flags]
        paused = [flags for name, flags in domains().items() if name.startswith("subject/") and flags[2] == "p"]
        if bool(paused) != (state == "Paused"):
            found.append(f"the guest is {state}, paused in Xen: {bool(paused)}")
        for pbd in self.call("PBD.get_all_records").values():
            if pbd["SR"] == self.world.sr and not pbd["currently_attached"]:
                found.append("the SR is not plugged")
        if self.domain(self.bystander) != self.life:
            found.append(f"the other guest is {self.domain(self.bystander)}, it was {self.life}")
        return found

    def differs(self, known_disks):
        """What is still wrong at the deadline."""
        deadline = time.monotonic() + RECONCILED_SECONDS
        while True:
            try:
                found = problems(self.host, self.world.client, known_disks) + self.xen_differs()
            except (KeyError, ApiError, *GONE) as error:  # something changed or is away while it is read
                found = [repr(error)]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def disks_of_nobody(self):
        used = {vm["suspend_VDI"] for vm in self.call("VM.get_all_records").values()}
        return {ref for ref, vdi in self.call("VDI.get_all_records").items() if not vdi["VBDs"] and ref not in used}

    def strike(self, name, daemon, moment):
        """What is wrong after the daemon died that many seconds into the operation."""
        operation = self.operations[name]
        operation.arrange()
        known_disks = self.disks_of_nobody()
        wrong = [f"already before: {text}" for text in self.differs(known_disks)]
        call = Call(self.host, operation)
        call.start()
        call.join(moment)
        killed, under_way = self.host.pid(daemon), call.is_alive()
        self.host.kill(daemon)
        back = self.await_service(daemon, killed)
        call.join(CALL_SECONDS)
        if call.is_alive():
            return [*wrong, "the call never ended"]
        began = time.monotonic()
        wrong += self.differs(known_disks)
        print(f"    {name}, {daemon} killed after {moment:.2f} s{'' if under_way else ' (it was done)'}: back in "
              f"{back:.1f} s, reconciled in {time.monotonic() - began:.1f} s; the call: {call.outcome}; the guest is "
              f"{self.subject.state()}", flush=True)
        if call.outcome == "done" and not operation.done():
            wrong.append("the call was acknowledged, and its effect is lost")
        return wrong + self.still_works(known_disks)

    def still_works(self, known_disks):
        """The guest starts, ends, and nothing is left of either."""
        try:
            self.subject.running()
            wrong = self.differs(known_disks)
            self.subject.halted()
        except ApiError as error:
            return [f"the guest cannot be used: {error}"]
        return wrong + self.differs(known_disks)

    def close(self):
        self.world.close()


class Kills(unittest.TestCase):
    rounds = ROUNDS

    def test_any_moment(self):
        seed = int(os.environ.get("XCP_SEED", random.randrange(1 << 32)))
        print(f"XCP_SEED={seed}", flush=True)
        dice = random.Random(seed)
        host = Installed()
        self.addCleanup(host.close)
        place = Place(host)
        self.addCleanup(place.close)
        place.tour()
        place.subject.halted()
        before = Footprint(host)
        show("before", before)
        wrong, began = [], time.monotonic()
        # Each daemon and each operation comes as often as any other.
        pairs = [(name, daemon) for name in place.operations for daemon in DAEMONS]
        dice.shuffle(pairs)
        for number in range(self.rounds):
            name, daemon = pairs[number % len(pairs)]
            moment = dice.uniform(0, place.seconds[name])
            found = place.strike(name, daemon, moment)
            wrong += [f"{number}: {daemon} killed {moment:.2f} s into {name}: {text}" for text in found]
            for text in found:
                print(f"    WRONG: {text}", flush=True)
        print(f"    {self.rounds} kills in {time.monotonic() - began:.0f} s", flush=True)
        place.subject.halted()
        after, left = settled(host, before, ALLOWED)
        show("after", after)
        self.assertEqual(wrong + left, [])


if __name__ == "__main__":
    Kills.rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    run_tests(cases_of(Kills))
