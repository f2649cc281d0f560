# SPDX-License-Identifier: GPL-2.0-or-later
# The life of the packages on one Debian 12: install, use, a guest, restarts, a port in use, upgrade,
# removal, purge. The tests run in the order of their numbers, on one container.
import re
import time
import unittest

from container import Container

# The exposure that "systemd-analyze security" gives each daemon, and may not exceed. The storage daemon
# mounts for everybody to see, so that it can have no mount namespace of its own.
EXPOSURE = {"xapi.service": 1.6, "xcp-authd.service": 2.7, "xcp-networkd.service": 1.9,
            "xcp-hypervisord.service": 3.1, "xcp-storaged.service": 4.6}
UNITS = ["xapi.service", "xcp-authd.socket", "xcp-hypervisord.service", "xcp-storaged.service",
         "xcp-networkd.service"]
PACKAGES = ["xcp-xapi", "xcp-xe", "xcp-hypervisor", "xcp-hypervisor-kvm", "xcp-storage-managers",
            "xcp-networkd", "xcp-guest-templates"]
CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "FOWNER": 3, "NET_BIND_SERVICE": 10,
                "NET_ADMIN": 12, "SYS_ADMIN": 21}
RIGHTS = {"xapi.service": {"NET_BIND_SERVICE"},
          "xcp-networkd.service": {"CHOWN", "NET_ADMIN"},
          "xcp-hypervisord.service": {"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER"},
          "xcp-storaged.service": {"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "SYS_ADMIN"}}


class Install(unittest.TestCase):
    base = repository = host = None

    @classmethod
    def setUpClass(cls):
        cls.host = Container(cls.base, cls.repository)
        try:
            cls.host.boot()
        except BaseException:
            cls.host.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.host.close()

    def ok(self, *command, **more):
        done = self.host.run(*command, **more)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def state(self, unit):
        return self.host.run("systemctl", "is-active", unit).stdout.strip()

    def journal(self, unit):
        return self.host.run("journalctl", "--no-pager", "-n", "20", "-u", unit).stdout

    def wait_until(self, what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"not within {seconds} s: {what}")
            time.sleep(0.1)

    def apt(self, *arguments):
        # Only what lies in the container's cache and in our repository can be had.
        return self.ok("apt-get", "-q", "-y", "--no-install-recommends", *arguments, timeout=600)

    def status(self, unit):
        """The fields of /proc/<pid>/status of its main process."""
        lines = self.ok("cat", f"/proc/{self.main_pid(unit)}/status").splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def main_pid(self, unit):
        return self.ok("systemctl", "show", "-p", "MainPID", "--value", unit).strip()

    def test_1_install(self):
        self.ok("apt-get", "-q", "update", "-o", "Dir::Etc::sourcelist=sources.list.d/kronos.list",
                "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Get::List-Cleanup=0")
        said = self.apt("install", "xcp-xapi", "xcp-hypervisor-kvm", "xcp-guest-templates")
        self.assertNotIn("failed", said.lower())
        status = self.ok("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *PACKAGES)
        for package in PACKAGES:
            self.assertIn(f"{package} ii", status)

    def test_2_units_are_active(self):
        for unit in UNITS:
            with self.subTest(unit):
                self.wait_until(f"{unit} is active; {self.journal(unit)}",
                                lambda: self.state(unit) == "active")
                self.assertEqual(self.host.run("systemctl", "is-enabled", unit).stdout.strip(), "enabled")

    def test_2_services_say_when_they_are_ready(self):
        for unit in EXPOSURE:
            self.assertEqual(self.ok("systemctl", "show", "-p", "Type", "--value", unit).strip(), "notify")

    def test_2_nothing_failed_not_even_for_a_moment(self):
        self.assertEqual(self.ok("systemctl", "--failed", "--plain", "--no-legend").strip(), "")
        for unit in UNITS:
            self.assertNotIn("Failed with result", self.ok("journalctl", "--no-pager", "-b", "-u", unit))

    def test_2_every_program_has_a_manual(self):
        files = self.ok("dpkg", "-L", *PACKAGES).splitlines()
        programs = [name for name in files if re.match(r"/usr/s?bin/.", name)]
        self.assertGreaterEqual(len(programs), 7, programs)
        manuals = {name.rsplit("/", 1)[1].split(".")[0] for name in files if "/man/man" in name
                   and name.endswith(".gz")}
        self.assertEqual({name.rsplit("/", 1)[1] for name in programs} - manuals, set())

    def test_3_xe_answers(self):
        names = self.ok("xe", "host-list", "params=name-label", "--minimal").strip()
        self.assertEqual(names, "target")

    def test_3_completion_asks_the_server(self):
        ask = ("source /usr/share/bash-completion/completions/xe; COMP_LINE=\"$1\"; COMP_POINT=${#1}; "
               "_xe xe; printf '%s\\n' \"${COMPREPLY[@]}\"")
        self.assertIn("host-list", self.ok("bash", "-c", ask, "bash", "xe host-li"))
        self.assertIn(self.xe("host-list", "--minimal"),
                      self.ok("bash", "-c", ask, "bash", "xe host-param-list uuid="))

    def test_3_strangers_are_not_answered(self):
        self.ok("useradd", "stranger")
        done = self.host.run("setpriv", "--reuid=stranger", "--regid=stranger", "--clear-groups",
                             "xe", "host-list", "--minimal")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("target", done.stdout)

    def test_3_members_of_the_group_are_answered(self):
        self.ok("useradd", "--groups", "xapi", "alice")
        self.assertIn("target", self.ok("setpriv", "--reuid=alice", "--regid=alice",
                                        "--init-groups", "xe", "host-list", "params=name-label"))

    def login(self, password):
        # Over HTTPS: the local socket would not ask root for a password.
        return self.host.run("XAPI_URL=https://127.0.0.1:443", "XAPI_USER=root",
                             f"XAPI_PASSWORD={password}", "xe", "host-list", "params=name-label", "--minimal")

    def test_4_login_through_pam(self):
        self.ok("chpasswd", stdin="root:correct horse\n")
        self.assertEqual(self.login("correct horse").stdout.strip(), "target")
        wrong = self.login("correct house")
        self.assertNotEqual(wrong.returncode, 0)
        self.assertNotIn("target", wrong.stdout)

    def test_4_passwords_are_not_logged(self):
        journal = self.ok("journalctl", "--no-pager", "-b")
        for secret in ("correct horse", "correct house"):
            self.assertNotIn(secret, journal)

    def test_5_daemons_are_confined(self):
        for unit, limit in EXPOSURE.items():
            with self.subTest(unit):
                said = self.ok("systemd-analyze", "security", "--no-pager", unit)
                exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
                print(f"exposure of {unit}: {exposure} ... ", end="")
                self.assertLessEqual(exposure, limit)

    def test_5_processes_have_the_rights_they_need(self):
        uid = self.ok("id", "-u", "xapi").strip()
        self.assertEqual(self.status("xapi.service")["Uid"].split(), [uid] * 4)
        for unit, rights in RIGHTS.items():
            with self.subTest(unit):
                status = self.status(unit)
                self.assertEqual(int(status["CapEff"], 16), sum(1 << CAPABILITIES[name] for name in rights))
                self.assertEqual(status["CapBnd"], status["CapEff"])
                self.assertEqual(status["NoNewPrivs"].strip(), "1")
                self.assertEqual(status["Seccomp"].strip(), "2")

    def test_5_what_is_mounted_for_guests_is_seen_by_all(self):
        def namespace(pid):
            return self.ok("readlink", f"/proc/{pid}/ns/mnt")

        self.assertEqual(namespace(self.main_pid("xcp-storaged.service")), namespace(1))

    def test_5_sockets_are_closed_to_others(self):
        for name in ("hypervisor", "storage", "network", "auth"):
            facts = self.ok("stat", "-c", "%a %G", f"/run/xcp/{name}.sock").strip()
            self.assertEqual(facts, "660 xapi", name)
        self.assertEqual(self.ok("stat", "-c", "%a %U %G", "/run/xcp").strip(), "1775 root xapi")

    def xe(self, *arguments):
        return self.ok("xe", *arguments).strip()

    def qemu(self):
        """The process of the one guest."""
        return self.ok("pgrep", "-f", "qemu-system-x86_64.*guest=" + self.vm).strip()

    @property
    def vm(self):
        return self.xe("vm-list", "name-label=guest", "--minimal")

    def plug(self, vm, network):
        self.xe("vif-create", f"vm-uuid={vm}", "device=0", "mac=random",
                "network-uuid=" + self.xe("network-create", f"name-label={network}"))

    def test_6a_a_guest_starts(self):
        sr = self.xe("sr-create", "host-uuid=" + self.xe("host-list", "--minimal"), "name-label=disks",
                     "type=file", "content-type=user", "device-config:location=/srv/disks")
        vm = self.xe("vm-install", "template=Other install media", "new-name-label=guest", f"sr-uuid={sr}")
        self.plug(vm, "inside")
        self.xe("vm-start", f"uuid={vm}")
        self.assertEqual(self.xe("vm-param-get", f"uuid={vm}", "param-name=power-state"), "running")
        self.assertTrue(self.qemu())
        bridge = self.xe("network-list", "name-label=inside", "params=bridge", "--minimal")
        self.assertRegex(self.ok("ls", f"/sys/class/net/{bridge}/brif"), "^tap")

    def test_6b_another_guest_ends(self):
        # Its bridge stays, for the next one.
        vm = self.xe("vm-install", "template=Other install media", "new-name-label=short",
                     "sr-name-label=disks")
        self.plug(vm, "idle")
        self.xe("vm-start", f"uuid={vm}")
        self.xe("vm-shutdown", "--force", f"uuid={vm}")
        self.assertEqual(self.xe("vm-param-get", f"uuid={vm}", "param-name=power-state"), "halted")
        self.assertEqual(self.host.run("pgrep", "-f", f"qemu.*guest={vm}").stdout, "")
        self.xe("vm-uninstall", "--force", f"uuid={vm}")

    def test_6c_a_guest_is_suspended_and_resumed(self):
        # Its memory goes to the storage, which three daemons and QEMU's user have to agree on.
        vm = self.vm
        self.xe("vm-suspend", f"uuid={vm}")
        self.assertEqual(self.xe("vm-param-get", f"uuid={vm}", "param-name=power-state"), "suspended")
        self.xe("vm-resume", f"uuid={vm}")
        self.assertEqual(self.xe("vm-param-get", f"uuid={vm}", "param-name=power-state"), "running")

    def test_6d_restarts_lose_nothing(self):
        uuid, vm, process = self.xe("host-list", "--minimal"), self.vm, self.qemu()
        for unit in ("xapi", "xcp-hypervisord", "xcp-storaged", "xcp-networkd"):
            before = self.main_pid(f"{unit}.service")
            self.ok("systemctl", "kill", "--signal=KILL", "--kill-whom=main", f"{unit}.service")
            self.wait_until(f"{unit} is back", lambda unit=unit, before=before: self.state(
                unit) == "active" and self.main_pid(f"{unit}.service") not in ("0", before))
        self.wait_until("xe answers again", lambda: self.host.run(
            "xe", "host-list", "--minimal").stdout.strip() == uuid)
        self.wait_until("the guest is seen to run", lambda: self.xe(
            "vm-param-get", f"uuid={vm}", "param-name=power-state") == "running")
        self.assertEqual(self.qemu(), process)

    def test_7_a_port_in_use_is_left_to_its_owner(self):
        self.ok("systemctl", "stop", "xapi.service")
        self.ok("systemd-run", "--unit=owner", "--collect", "python3", "-m", "http.server", "443")
        self.wait_until("the other server listens",
                        lambda: ":443 " in self.ok("ss", "-Hltn"))
        self.ok("systemctl", "start", "xapi.service")
        self.assertEqual(self.ok("xe", "host-list", "params=name-label", "--minimal").strip(), "target")
        self.assertIn("no HTTPS", self.ok("systemctl", "show", "-p", "StatusText", "xapi.service"))
        self.assertEqual(self.state("owner.service"), "active")
        self.ok("systemctl", "stop", "owner.service")
        self.ok("systemctl", "restart", "xapi.service")
        self.assertEqual(self.login("correct horse").stdout.strip(), "target")

    def test_8_reinstalling_changes_nothing(self):
        uuid, process = self.xe("host-list", "--minimal"), self.qemu()
        self.apt("install", "--reinstall", *PACKAGES)
        self.wait_until("xe answers again", lambda: self.host.run(
            "xe", "host-list", "--minimal").stdout.strip() == uuid)
        self.assertEqual(self.qemu(), process)

    def test_8_what_was_removed_comes_back_as_it_was(self):
        uuid, vm, process = self.xe("host-list", "--minimal"), self.vm, self.qemu()
        self.apt("remove", *PACKAGES)
        self.assertEqual(self.ok("pgrep", "-f", "qemu-system-x86_64.*guest=" + vm).strip(), process)
        self.apt("install", "xcp-xapi", "xcp-hypervisor-kvm", "xcp-guest-templates")
        self.wait_until("xe answers again", lambda: self.host.run(
            "xe", "host-list", "--minimal").stdout.strip() == uuid)
        self.wait_until("the guest is seen to run", lambda: self.xe(
            "vm-param-get", f"uuid={vm}", "param-name=power-state") == "running")
        self.assertEqual(self.qemu(), process)

    def bridges(self):
        return self.ok("sh", "-c", "cd /sys/class/net && ls -d */bridge 2>/dev/null || true").split()

    def test_9_purge(self):
        inside = self.xe("network-list", "name-label=inside", "params=bridge", "--minimal")
        idle = self.xe("network-list", "name-label=idle", "params=bridge", "--minimal")
        self.assertEqual(set(self.bridges()), {f"{inside}/bridge", f"{idle}/bridge"})
        process, disks = self.qemu(), self.ok("ls", "-R", "/srv/disks")
        self.apt("purge", *PACKAGES)
        # A running guest keeps running, with its disks and its network.
        self.assertEqual(self.ok("pgrep", "-f", "qemu-system-x86_64.*guest=").strip(), process)
        self.assertEqual(self.ok("ls", "-R", "/srv/disks"), disks)
        self.assertEqual(self.bridges(), [f"{inside}/bridge"])
        # Nothing else is left: no file, no process, no unit. The user stays, as is the custom.
        files = self.ok("find", "/", "-xdev", "(", "-path", "/srv/disks", "-o", "-path", "/var/lib/apt",
                        "-o", "-path", "/etc/apt", "-o", "-path", "/repository", ")", "-prune", "-o", "-regex",
                        r".*\(xcp\|xapi\|kronos\).*", "-print").split()
        files += self.ok("find", "/run", "-regex", r".*\(xcp\|xapi\).*").split()
        self.assertEqual(files, [])
        self.assertEqual(self.host.run("pgrep", "-l", "xapi|xcp-").stdout, "")
        self.assertEqual(self.ok("systemctl", "list-units", "--all", "--plain", "--no-legend",
                                 "xapi*", "xcp-*").strip(), "")
        self.assertEqual(self.ok("systemctl", "--failed", "--plain", "--no-legend").strip(), "")

    def test_z_the_machine_is_as_before(self):
        self.host.close()
        self.assertEqual(self.host.traces(), [])
