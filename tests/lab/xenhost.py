# SPDX-License-Identifier: GPL-2.0-or-later
# The installed host that the programs of this directory run on, inside the lab: its xe, its daemons
# below /run/xcp and as units of systemd, and small guests on it by the API suite's own means
# (../api/host.py). What the host holds is in footprint.py.
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("XCP_DRIVER", "libxl")
os.environ.setdefault("XCP_TEST_GUEST", str(HERE.parents[1]))
sys.path.insert(0, str(HERE.parent / "api"))

import host as api_host  # noqa: E402

BOOT_SECONDS = 1200  # Xen and its guests are emulated
THEIR_XL = "/usr/lib/xen-4.17/bin/xl"
OUR_XL = "/usr/lib/xcp/bin/xl"
TEST = pathlib.Path("/srv/test")
KERNELS = pathlib.Path("/var/lib/xcp/guest")  # where xapi lets kernels of guests be


def run(*words, seconds=120):
    """What a program printed; it must end well."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                          timeout=seconds, errors="replace")
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr.strip()}{done.stdout.strip()}")
    return done.stdout.strip()


def xe(command, *words, seconds=BOOT_SECONDS):
    return run("xe", command, *words, seconds=seconds)


def first(command, *words):
    return xe(command, *words, "--minimal").split(",")[0]


def wait_for(read, wanted, what, seconds=BOOT_SECONDS):
    deadline = time.monotonic() + seconds
    while not wanted(value := read()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} is still {value!r} after {seconds} s")
        time.sleep(0.1)
    return value


def default_sr():
    """An SR for guests, which is the pool's own as well; made once."""
    host = first("host-list")
    sr = first("sr-list", "name-label=guests")
    if not sr:
        sr = xe("sr-create", f"host-uuid={host}", "name-label=guests", "type=file", "content-type=user",
                f"device-config:location={TEST}/sr")
    pool = first("pool-list")
    xe("pool-param-set", f"uuid={pool}", f"default-SR={sr}", f"suspend-image-SR={sr}")
    return sr


class Console:
    """`xe console` of a VM, or another program that shows a console, on a terminal of its own."""

    def __init__(self, vm, *program):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            words = program or ("xe", "console", f"uuid={vm}")
            os.execvp(words[0], words)
        self.text = ""

    def wait_for(self, pattern, seconds=BOOT_SECONDS, nudge=False):
        """`nudge`: with a line end every other second, since what is typed while a guest wakes may be lost."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline:
                raise AssertionError(f"the console does not show {pattern!r}:\n{self.text[-2000:]}")
            if not select.select([self.terminal], [], [], 2)[0]:
                if nudge:
                    os.write(self.terminal, b"\r")
            else:
                try:
                    self.text += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError as error:  # the console ended
                    raise AssertionError(f"the console ended:\n{self.text[-2000:]}") from error

    def type(self, line):
        self.text = ""
        os.write(self.terminal, line.encode() + b"\r")

    def close(self):
        os.write(self.terminal, b"\x1d")
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


class Installed(api_host.Host):
    """The host's own daemons where the API suite has some of its own. They are never started here: systemd
    does that, also after a kill."""

    UNITS = ("xcp-networkd", "xcp-storaged", "xcp-hypervisord", "xapi")

    def __init__(self):
        self.driver, self.state, self.kernels = "libxl", TEST, KERNELS
        self.here_before = {path for path in KERNELS.iterdir()}

    def socket(self, name):
        return pathlib.Path("/run/xcp") / f"{name}.sock"

    def client(self, user="root", tls=False):
        return api_host.Client(self, tls).login(user, "")

    def pid(self, daemon):
        """0: it does not run."""
        return int(run("systemctl", "show", "-p", "MainPID", "--value", daemon))

    def kill(self, daemon, number="KILL"):
        """The daemon alone: the helpers of guests in its control group are no part of it."""
        run("systemctl", "kill", "--kill-whom=main", "-s", number, daemon)

    def log(self, daemon):
        return run("journalctl", "-q", "-n", "30", "-u", daemon)

    def alive(self, daemon):
        return self.pid(daemon) != 0

    def start(self, *daemons, **_):
        for daemon in daemons:
            run("systemctl", "start", daemon)
        return self

    def put_kernel(self, name, content):
        """A file that xapi takes for a guest's kernel."""
        path = KERNELS / name
        path.write_bytes(content)
        return path

    def close(self):
        for path in KERNELS.iterdir():
            if path not in self.here_before:
                path.unlink()


class World(api_host.World):
    """Guests on the installed host. What it made goes with close(), running or not."""

    def __init__(self, host):
        default_sr()
        self.networks_before = {network for network in xe("network-list", "--minimal").split(",")}
        super().__init__(host)
        self.sr = self.client.call("SR.get_by_uuid", first("sr-list", "name-label=guests"))
        self.before = {name: set(self.client.call(f"{name}.get_all")) for name in ("VM", "VDI")}

    def uuid(self, vm):
        return self.client.call("VM.get_uuid", vm)

    def remove(self, vm):
        """A guest with its disks, whatever state it is in; what is at work on it comes to its end first."""
        call = self.client.call
        wait_for(lambda: call("VM.get_current_operations", vm), lambda running: not running, "what is at work on a guest")
        if call("VM.get_power_state", vm) != "Halted":
            call("VM.hard_shutdown", vm)
        disks = [call("VBD.get_VDI", vbd) for vbd in call("VM.get_VBDs", vm)]
        call("VM.destroy", vm)
        for disk in disks:
            if disk != "OpaqueRef:NULL":
                call("VDI.destroy", disk)

    def close(self):
        call = self.client.call
        for vm in set(call("VM.get_all")) - self.before["VM"]:
            self.remove(vm)
        for disk in set(call("VDI.get_all")) - self.before["VDI"]:
            call("VDI.destroy", disk)
        for network in set(xe("network-list", "--minimal").split(",")) - self.networks_before:
            xe("network-destroy", f"uuid={network}")
        self.client.close()


def domains():
    """Of the distribution's xl, without dom0: "name/number" -> state; one that is dying has a "d" in it."""
    rows = [line.rsplit(maxsplit=5) for line in run(THEIR_XL, "list").splitlines()[1:]]
    return {f"{name.strip()}/{number}": state for name, number, _, _, state, _ in rows if number != "0"}


def run_tests(suite):
    """Runs it and ends the program; the last line is what the lab lane counts. One that is ended from outside
    cleans up as well."""
    result = unittest.TextTestResult(unittest.runner._WritelnDecorator(sys.stdout), True, 2)

    def end(number, _):
        for each in ends:
            signal.signal(each, signal.SIG_IGN)
        result.stop()
        raise RuntimeError(f"ended by signal {number}")

    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in ends:
        signal.signal(number, end)
    suite.run(result)
    result.printErrors()
    bad = len(result.failures) + len(result.errors)
    print(f"{max(0, result.testsRun - bad)} passed, {bad} failed", flush=True)
    sys.exit(bad != 0)


def cases_of(case, names=()):
    """All of its tests, or those whose names begin so."""
    known = unittest.defaultTestLoader.getTestCaseNames(case)
    return unittest.TestSuite(case(name) for name in known if not names or name.startswith(tuple(names)))
