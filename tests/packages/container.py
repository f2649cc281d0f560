# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian booted with systemd-nspawn, in a network namespace and control groups of its own, without a
# registration at any daemon of the machine. It ends with the process that made it, however that ends,
# and close() leaves nothing of it: no process, mount, control group or file. Where close() never came,
# the next one removes the files and groups.
import atexit
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
RUN = pathlib.Path("/run/systemd")
PLACE = pathlib.Path("/var/tmp")
PREFIX = "kronos-packages-"


def _writable_hierarchies():
    """Where systemd keeps its groups: of v1 the one with its name, and v2."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            yield pathlib.Path(place)


class ControlGroup:
    """A group of its own for one process and what it starts."""

    def __init__(self, name):
        self.directories = []
        for hierarchy in _writable_hierarchies():
            if (hierarchy / name).is_dir():
                self.directories.append(hierarchy / name)

    def make(self, name):
        """On a machine that systemd runs, none is made: systemd-nspawn asks systemd for one."""
        if RUN.joinpath("system").is_dir():
            return
        for hierarchy in _writable_hierarchies():
            directory = hierarchy / name
            try:
                directory.mkdir()
            except OSError:
                continue
            self.directories.append(directory)

    def enter(self):
        for directory in self.directories:
            (directory / "cgroup.procs").write_text("0")

    def remove(self, timeout=10):
        """When the processes in it have ended; the kernel keeps it until they are collected."""
        deadline = time.monotonic() + timeout
        while self.directories:
            try:
                for inner, _, _ in os.walk(self.directories[-1], topdown=False):
                    os.rmdir(inner)
                self.directories.pop()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _name_of(directory):
    return "kronos-" + directory.name[-8:].replace("_", "x")


def _clear_abandoned():
    """Removes what a process left that was killed; its lock is free."""
    for directory in PLACE.glob(PREFIX + "*"):
        with open(directory / "lock", "wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            ControlGroup(_name_of(directory)).remove()
            shutil.rmtree(directory)


class Container:
    def __init__(self, base, repository):
        self._process = self._leader = None
        _clear_abandoned()
        self._made = [place for place in (RUN, RUN / "nspawn", RUN / "nspawn/locks",
                                          RUN / "nspawn/propagate", RUN / "machines")
                      if not place.exists()]
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=PLACE))
        self._lock = open(self._directory / "lock", "wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        atexit.register(self.close)
        self.root = self._directory / "root"
        self.name = _name_of(self._directory)
        self._group = ControlGroup(self.name)
        self._repository = repository
        self.root.mkdir()
        subprocess.run(["tar", "-x", "-C", self.root, "-f", base], check=True)
        (self.root / "repository").mkdir()
        (self.root / "etc/apt/sources.list.d/kronos.list").write_text(
            "deb [trusted=yes] file:/repository ./\n")

    def boot(self, timeout=120):
        self._group.make(self.name)
        command = ["systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.name}",
                   "--boot", "--private-network", "--suppress-sync=yes", "--register=no",
                   "--console=pipe", f"--bind-ro={self._repository}:/repository"]
        if self._group.directories:
            command.append("--keep-unit")
        with open(self._directory / "boot.log", "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self._tie,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError("the container ended: " + self.boot_log())
            self._leader = self._child()
            if self._leader and self.run("test", "-S", "/run/systemd/private").returncode == 0:
                break
            time.sleep(0.1)
        state = self.run("systemctl", "is-system-running", "--wait", timeout=timeout).stdout.strip()
        if state != "running":
            raise RuntimeError(f"the container came up {state!r}: " + self.boot_log())

    def _tie(self):
        """In the child: its groups, and its end with ours. A container ends with its systemd-nspawn."""
        self._group.enter()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def boot_log(self):
        return (self._directory / "boot.log").read_text(errors="replace")[-2000:]

    def _child(self):
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            pids = children.read_text().split()
        except OSError:
            return None
        return pids[0] if pids else None

    def run(self, *command, timeout=60, stdin=""):
        """The finished process, with its output as text; nothing is checked."""
        return subprocess.run(
            ["nsenter", "--target", self._leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--root",
             "--wd", "--cgroup", "--", "/usr/bin/env", "-i",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "HOME=/tmp", *command],
            input=stdin, capture_output=True, text=True, timeout=timeout)

    def close(self):
        atexit.unregister(self.close)
        if self._process and self._process.poll() is None:
            if self._leader:
                os.kill(int(self._leader), signal.SIGRTMIN + 4)  # systemd: power off
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._group.remove()
        if self._directory.exists():
            shutil.rmtree(self._directory)
        self._lock.close()
        for place in (RUN / "nspawn/propagate" / self.name, *reversed(self._made)):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()

    def traces(self):
        """What is left of it on the machine after close(); empty when all went well."""
        left = [f"process {entry.name}" for entry in pathlib.Path("/proc").glob("[0-9]*")
                if self._is_ours(entry)]
        mounts = pathlib.Path("/proc/self/mounts").read_text().splitlines()
        left += [f"mount {line}" for line in mounts if self._directory.name in line or self.name in line]
        places = [self._directory, RUN / "nspawn/propagate" / self.name,
                  RUN / "nspawn/unix-export" / self.name, RUN / "machines" / self.name, *self._made]
        places += [hierarchy / self.name for hierarchy in _writable_hierarchies()]
        return left + [f"file {place}" for place in places if place.exists()]

    def _is_ours(self, process):
        try:
            root = os.readlink(process / "root")
            command = (process / "cmdline").read_bytes()
        except OSError:
            return False
        return root.startswith(str(self._directory)) or self.name.encode() in command
