#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab host: a guest that tells the worst it can about itself in xenstore, from within up to
# its quota and from dom0 beyond it, beside a guest that behaves. Whatever it writes, the daemons' and xapi's
# answers are sound and small, its devices are what they were, the other guest's news arrive, and when it
# is destroyed nothing is left. Arguments name tests by how they begin.
import json
import sys
import threading
import time
import unittest
import xml.etree.ElementTree as xml

from footprint import Footprint, of_process, settled, show
from xenhost import Console, Installed, World, cases_of, run, run_tests
from xenstore_wire import Xenstore

import host as api_host  # noqa: E402  (xenhost says where it is)

FLOOD_SECONDS = 10
FLOOD_RATE = 1000  # a second, where xenstored is fast enough
LEAST_RATE = 10  # on an emulated host some 35
NEWS_SECONDS = 1.0
MOST_TEXT = 64 << 10
# Of hypervisord, while it is flooded: it reads a guest's facts once a second, however often they change.
MOST_CPU_SHARE = 0.5
ALLOWED = {"KiB resident": 8192, "CPU seconds": None, "descriptors": 4, "threads": 4, "files in /var/log/xen": 4}
LONG = b"long " * 1024
BYTES = {"not UTF-8": b"\xff\xfe\x80 caf\xe9 \xed\xa0\x80 \xf8\x88\x80\x80\x80 \xc0\xaf",
         "control characters": bytes(range(1, 32)) + b"\x7f\xc2\x85\xef\xbf\xbe\xef\xbf\xbf",
         "markup": b"</value>]]><!--&amp;\"'{}\\u0000\\", "a zero byte": b"before\0after",
         "empty": b"", "long": LONG, "long, cut within a letter": b"x" + "€".encode() * 1000}
NUMBERS = [b"-1", b"-9223372036854775809", b"99999999999999999999999999", b"1e300", b"0x7f", b"nan", b" 5", b"5 ",
           b"9223372036854775807", b"\xff" * 20]
TOLD = ["data/os_name", "data/os_distro", "data/os_majorver", "data/os_minorver", "data/os_uname", "data/host_name",
        "data/hostname", "data/updated", "attr/PVAddons/MajorVersion", "attr/PVAddons/MinorVersion",
        "attr/PVAddons/MicroVersion", "attr/PVAddons/BuildVersion", "attr/vif/0/ipv4/0", "attr/vif/0/ipv6/0",
        "attr/eth0/ip", "control/feature-poweroff", "control/feature-suspend"]
COUNTED = ["data/meminfo_free", "data/meminfo_total", "attr/PVAddons/MajorVersion", "memory/target", "data/os_majorver"]


class Victim:
    """The guest that is made to tell lies: writes below its own part of xenstore."""

    def __init__(self, world, host, vm):
        self.vm, self.uuid = vm, world.uuid(vm)
        self.domid = host.ask("xcp-hypervisord", "domain", self.uuid)["domid"]
        self.xenstore = Xenstore()

    def path(self, name):
        return f"/local/domain/{self.domid}/{name}"

    def write(self, name, value):
        self.xenstore.write(self.path(name), value)

    def write_many(self, pairs):
        self.xenstore.write_many([(self.path(name), value) for name, value in pairs])

    def forget(self, *names):
        """What is below; the nodes themselves stay, for the guest to write below them."""
        for name in names:
            for below in self.xenstore.list(self.path(name)):
                self.xenstore.remove(self.path(f"{name}/{below}"))


class News(threading.Thread):
    """Listens to the hypervisor daemon's events; when the last one of each domain's facts came."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.seen, self.ended = host, {}, False
        self.batch = host.ask("xcp-hypervisord", "events", "", 0, 0)
        self.start()

    def run(self):
        while not self.ended:
            self.batch = self.host.ask("xcp-hypervisord", "events", self.batch["epoch"], self.batch["last"], 1000)
            for event in self.batch["events"]:
                if event["kind"] in ("guest_facts", "resync"):
                    self.seen[event["uuid"]] = time.monotonic()

    def close(self):
        self.ended = True
        self.join(30)


class HostileGuest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Installed()
        cls.addClassCleanup(cls.host.close)
        cls.world = World(cls.host)
        cls.addClassCleanup(cls.world.close)
        cls.bystander = cls.running("behaves")
        # One that lived and went: parents of nodes and pools of threads are there.
        cls.world.remove(cls.running("was here"))
        cls.before = Footprint(cls.host)
        show("before", cls.before)
        hostile = cls.running("hostile")
        cls.victim = Victim(cls.world, cls.host, hostile)
        cls.addClassCleanup(cls.victim.xenstore.close)
        cls.devices = cls.devices_of(cls.victim.uuid)

    @classmethod
    def running(cls, name):
        vm = cls.world.guest(name)
        cls.world.client.call("VM.start", vm, False, False)
        cls.world.await_agent(vm)
        return vm

    @classmethod
    def devices_of(cls, uuid):
        domain = cls.host.ask("xcp-hypervisord", "domain", uuid)
        return {name: domain[name] for name in ("name", "disks", "nics", "vcpus", "domid")}

    # ---- what must hold, whatever is written ----

    def raw_daemon(self, method, *params):
        """The line itself, read strictly."""
        with api_host.socket.socket(api_host.socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(str(self.host.socket("hypervisor")))
            link.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
            with link.makefile("rb") as reader:
                line = reader.readline()
        answer = json.loads(line.decode("utf-8", errors="strict"))
        self.assertNotIn("error", answer, method)
        return answer["result"], len(line)

    def raw_xapi(self, path, body):
        connection = api_host.UnixConnection(self.host.socket("xapi"), 60)
        connection.request("POST", path, body)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        self.assertEqual(reply.status, 200)
        return text

    def check_daemon(self):
        facts, size = self.raw_daemon("guest", self.victim.uuid)
        texts = [text for name in ("os_version", "networks", "other") for pair in facts[name].items() for text in pair]
        told = sum(len(text.encode()) for text in [*texts, facts["agent_version"]])
        self.assertLessEqual(told, MOST_TEXT, "facts of the guest")
        self.raw_daemon("domains")
        stats, _ = self.raw_daemon("stats")
        free = next(each["memory_free_bytes"] for each in stats if each["uuid"] == self.victim.uuid)
        self.assertTrue(free == -1 or 0 <= free < 1 << 50, free)
        self.assertEqual(self.devices_of(self.victim.uuid), self.devices)
        return told, size

    def check_xapi(self):
        session = self.world.client.session
        for name in ("VM_guest_metrics", "VM"):
            method = f"{name}.get_all_records"
            text = self.raw_xapi("/jsonrpc", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                                         "params": [session]}))
            answer = json.loads(text.decode("utf-8", errors="strict"))
            self.assertNotIn("error", answer, method)
            text = self.raw_xapi("/", f"<methodCall><methodName>{method}</methodName><params><param><value><string>"
                                      f"{session}</string></value></param></params></methodCall>")
            self.assertIn("Success", [value.text for value in xml.fromstring(text).iter("value")]
                          + [value.text for value in xml.fromstring(text).iter("string")], method)
        run("xe", "vm-list", f"uuid={self.victim.uuid}", "params=all")
        run("/usr/lib/xcp/bin/xl", "list", "-l")

    def check(self, what):
        told, size = self.check_daemon()
        self.check_xapi()
        hypervisord, xapi = (of_process(self.host.pid(daemon)) for daemon in ("xcp-hypervisord", "xapi"))
        print(f"    {what}: {told} bytes of facts in an answer of {size}; resident: hypervisord "
              f"{hypervisord['KiB resident']}, xapi {xapi['KiB resident']} KiB", flush=True)

    def await_facts(self):
        """Until the daemon has told what was written last."""
        mark = f"mark-{time.monotonic_ns()}"
        self.victim.write("data/os_spmajor", mark.encode())
        metrics = self.world.client.call("VM.get_guest_metrics", self.victim.vm)
        api_host.await_value(lambda: self.world.client.call("VM_guest_metrics.get_os_version", metrics).get("spmajor"),
                             lambda value: value == mark, seconds=30, what="what xapi knows of the guest")

    # ---- what is written ----

    def test_1_values(self):
        for what, value in BYTES.items():
            with self.subTest(what):
                for name in TOLD:
                    self.victim.write(name, value)
                self.await_facts()
                self.check(what)

    def test_2_numbers(self):
        self.addCleanup(self.victim.forget, "data")
        for value in NUMBERS:
            with self.subTest(value):
                for name in COUNTED:
                    self.victim.write(name, value)
                self.check_daemon()
        self.await_facts()
        self.check("numbers")

    def test_3_nodes(self):
        """Where a value is expected, very many, and very deep."""
        victim = self.victim
        self.addCleanup(victim.forget, "data", "attr")
        for name in TOLD:
            victim.write(f"{name}/below", b"a value below a value")
        victim.write("data/" + "/".join(["d"] * 400), b"deep")
        victim.write_many([(f"data/many-{number}", b"x" * 100) for number in range(3000)])
        victim.write_many([(f"attr/vif/{number}/ipv4/0", b"10.0.0.1") for number in range(1500)])
        self.await_facts()
        self.check("thousands of nodes")
        victim.forget("data", "attr")
        self.await_facts()
        self.check("none of them")

    def test_4_addresses(self):
        self.addCleanup(self.victim.forget, "attr")
        names = ["0", "00", "-1", "1x", "99999999999999999999", "0/ip", "ip", "_", "@", "255"]
        self.victim.write_many([(f"attr/vif/{name}/{family}/{i}", LONG) for name in names
                                for family in ("ipv4", "ipv6", "ip") for i in ("0", "-1", "x", "0/ip")])
        self.await_facts()
        self.check("addresses of no NIC")
        self.victim.write_many([(f"attr/vif/{nic}/{family}/{i}", f"{nic} {i} ".encode() + LONG) for nic in range(20)
                                for family in ("ipv4", "ipv6") for i in range(20)])
        # The mark of await_facts may be beyond the limit: look until the answer is large.
        api_host.await_value(lambda: self.check_daemon()[0], lambda told: told > MOST_TEXT // 2, seconds=30,
                             what="bytes of facts")
        self.check("addresses beyond the limit")

    def test_5_devices(self):
        """Its halves of the devices, which it may write as well."""
        kinds = {"vif/0": ["mac", "handle", "backend", "backend-id", "state", "tx-ring-ref", "feature-rx-copy"],
                 "vbd/51712": ["backend", "backend-id", "state", "virtual-device", "device-type", "ring-ref"]}
        for value in (b"", b"\xff" * 100, b"/local/domain/0/backend/vif/0/0", b"/local/domain/0", b"99999999999", LONG):
            for kind, names in kinds.items():
                for name in names:
                    if name != "state" and not (name in ("backend", "backend-id") and value.startswith(b"/")):
                        self.victim.write(f"device/{kind}/{name}", value)
            self.victim.write("device/suspend/event-channel", value)
            self.victim.write("control/platform-feature-xs_reset_watches", value)
            self.victim.write("device/vif/77/backend", value)
            self.victim.write("error/device/vif/0/error", value)
            self.check_daemon()
        self.check("devices")

    def test_6_from_within(self):
        """The guest itself, until xenstore lets it write no more."""
        self.addCleanup(self.victim.forget, "data")
        console = Console(self.victim.uuid)
        self.addCleanup(console.close)
        console.type("")
        console.wait_for(r"# ")
        console.type("xenstore write memory/target 1 2>&1; xenstore write /local/domain/0/name x 2>&1; echo refu''sed-$?")
        console.wait_for(r"refused-[1-9]")
        console.type("xenstore write data/os_name \"$(printf 'g\\377\\200\\001\\n')\" data/host_name "
                     "\"$(head -c 1900 /dev/urandom | tr -d '\\0')\"; echo wro''te-$?")
        console.wait_for(r"wrote-\d")
        self.assertIn("wrote-0", console.text)
        self.await_facts()
        self.check("random bytes from within")
        console.type("n=0; while a=''; for i in 1 2 3 4 5 6 7 8 9 10; do a=\"$a data/q$n-$i v\"; done; "
                     "xenstore write $a 2>/dev/null && [ $n -lt 400 ]; do n=$((n+1)); done; echo sto''pped-$n")
        console.wait_for(r"stopped-\d+")
        rounds = int(console.text.rpartition("stopped-")[2].split()[0])
        self.assertLess(rounds, 400, "xenstore's quota was never reached")
        self.check(f"its quota reached with some {rounds * 10} nodes")

    def test_7_flood(self):
        """Changes without end: another guest's news arrive as ever."""
        other = Victim(self.world, self.host, self.bystander)
        self.addCleanup(other.xenstore.close)
        console = Console(self.victim.uuid)
        self.addCleanup(console.close)
        console.type("a=''; for i in 1 2 3 4 5 6 7 8 9; do a=\"$a data/f$i v\"; done; n=0; (while [ ! -e /tmp/end ]; "
                     "do n=$((n+1)); xenstore write data/count $n $a; done) & echo floo''ding")
        console.wait_for("flooding")
        news = News(self.host)
        self.addCleanup(news.close)
        pids = {daemon: self.host.pid(daemon) for daemon in ("xcp-hypervisord", "xapi")}
        start = {daemon: of_process(pid) for daemon, pid in pids.items()}
        flood = Flood(self.victim)
        flood.start()
        waits = self.news_of(other, news)
        flood.end()
        self.addCleanup(self.victim.forget, "data")
        console.type("touch /tmp/end")
        within = 10 * int(self.victim.xenstore.read(self.victim.path("data/count")))
        rate = (flood.written + within) / flood.seconds
        print(f"    {rate:.0f} changes a second for {flood.seconds:.0f} s, {within} of them from within; the other guest's "
              f"news took {', '.join(f'{wait:.2f}' for wait in waits)} s", flush=True)
        for daemon, pid in pids.items():
            now = of_process(pid)
            share = (now["CPU seconds"] - start[daemon]["CPU seconds"]) / flood.seconds
            growth = now["KiB resident"] - start[daemon]["KiB resident"]
            print(f"    {daemon}: {share * 100:.0f} % of a CPU, {growth:+} KiB", flush=True)
            self.assertLess(share, MOST_CPU_SHARE, daemon)
            self.assertLess(growth, ALLOWED["KiB resident"], daemon)
            self.assertEqual(self.host.pid(daemon), pid, f"{daemon} was started anew")
        self.assertGreater(rate, LEAST_RATE)
        self.assertLess(max(waits), NEWS_SECONDS)
        self.check("after the flood")

    def news_of(self, other, news):
        """How long the daemon's event took each time the other guest told something."""
        waits, until = [], time.monotonic() + FLOOD_SECONDS
        while time.monotonic() < until:
            wrote = time.monotonic()
            other.write("data/host_name", f"host-{len(waits)}".encode())
            api_host.await_value(lambda: news.seen.get(other.uuid, 0), lambda seen, wrote=wrote: seen > wrote, seconds=30,
                                 what="the other guest's event")
            waits.append(news.seen[other.uuid] - wrote)
            # Its facts are told once a second.
            api_host.await_value(time.monotonic, lambda now, wrote=wrote: now > wrote + 1.5, what="the clock")
        metrics = self.world.client.call("VM.get_guest_metrics", self.bystander)
        api_host.await_value(lambda: self.world.client.call("VM_guest_metrics.get_other", metrics).get("hostname"),
                             lambda name: name == f"host-{len(waits) - 1}", seconds=5, what="its host name in xapi")
        return waits

    def test_8_nothing_is_left(self):
        self.world.remove(self.victim.vm)
        after, left = settled(self.host, self.before, ALLOWED)
        show("after", after)
        self.assertEqual(left, [])


class Flood(threading.Thread):
    """FLOOD_RATE changes a second of what a guest tells, until end()."""

    def __init__(self, victim):
        super().__init__(daemon=True)
        self.victim, self.ending, self.written, self.seconds = victim, threading.Event(), 0, 0.0
        self.xenstore = Xenstore()

    def run(self):
        began, batch = time.monotonic(), FLOOD_RATE // 20
        while not self.ending.is_set():
            self.xenstore.write_many([(self.victim.path(f"data/flood-{number % 10}"), b"%d" % (self.written + number))
                                      for number in range(batch)])
            self.written += batch
            self.seconds = time.monotonic() - began
            self.ending.wait(max(0, self.written / FLOOD_RATE - self.seconds))
        self.seconds = time.monotonic() - began

    def end(self):
        self.ending.set()
        self.join(60)
        self.xenstore.close()


if __name__ == "__main__":
    run_tests(cases_of(HostileGuest, sys.argv[1:]))
