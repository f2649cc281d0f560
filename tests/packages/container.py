# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian booted with systemd-nspawn, in a network namespace of its own, without a registration at
# any daemon of the machine. Its root is a directory that is thrown away with it.
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


class Container:
    def __init__(self, base, repository):
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="kronos-packages-", dir="/var/tmp"))
        self.root = self._directory / "root"
        self.name = self._directory.name[-12:].replace("_", "x")
        self._repository = repository
        self._process = None
        self._leader = None
        self.root.mkdir()
        subprocess.run(["tar", "-x", "-C", self.root, "-f", base], check=True)
        (self.root / "repository").mkdir()
        (self.root / "etc/apt/sources.list.d/kronos.list").write_text(
            "deb [trusted=yes] file:/repository ./\n")

    def boot(self, timeout=120):
        self._log = open(self._directory / "boot.log", "wb")
        self._process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.name}",
             "--boot", "--private-network", "--register=no", "--keep-unit", "--console=pipe",
             f"--bind-ro={self._repository}:/repository"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError("the container ended: " + self.boot_log())
            self._leader = self._child()
            if self._leader and self.run("test", "-S", "/run/systemd/private").returncode == 0:
                break
            time.sleep(0.1)
        state = self.run("systemctl", "is-system-running", "--wait", timeout=timeout).stdout.strip()
        if state not in ("running", "degraded"):
            raise RuntimeError(f"the container came up {state!r}: " + self.boot_log())

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
        if self._process and self._process.poll() is None:
            if self._leader:
                os.kill(int(self._leader), signal.SIGRTMIN + 4)  # systemd: power off
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)
        propagate = pathlib.Path("/run/systemd/nspawn/propagate", self.name)
        if propagate.is_dir():
            propagate.rmdir()
