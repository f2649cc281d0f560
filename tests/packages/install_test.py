# SPDX-License-Identifier: GPL-2.0-or-later
# The life of the packages on one Debian 12: install, use, restart, a port in use, purge. The tests run
# in the order they stand here, on one container.
import sys
import time
import unittest

sys.dont_write_bytecode = True

from container import Container  # noqa: E402

UNITS = ["xapi.service", "xcp-authd.socket", "xcp-hypervisord.service", "xcp-storaged.service",
         "xcp-networkd.service"]
PACKAGES = ["xcp-xapi", "xcp-xe", "xcp-hypervisor", "xcp-hypervisor-kvm", "xcp-storage-managers",
            "xcp-networkd", "xcp-guest-templates"]
BASE, REPOSITORY = sys.argv[1:3]


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Container(BASE, REPOSITORY)
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

    def test_1_install(self):
        self.ok("apt-get", "-q", "update", "-o", "Dir::Etc::sourcelist=sources.list.d/kronos.list",
                "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Get::List-Cleanup=0")
        self.apt("install", "xcp-xapi", "xcp-guest-templates")
        status = self.ok("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *PACKAGES)
        for package in PACKAGES:
            self.assertIn(f"{package} ii", status)

    def test_2_units_are_active(self):
        for unit in UNITS:
            with self.subTest(unit):
                self.wait_until(f"{unit} is active; {self.journal(unit)}",
                                lambda: self.state(unit) == "active")
                self.assertEqual(self.host.run("systemctl", "is-enabled", unit).stdout.strip(), "enabled")

    def test_2_nothing_failed(self):
        self.assertEqual(self.ok("systemctl", "--failed", "--plain", "--no-legend").strip(), "")

    def test_3_xe_answers(self):
        names = self.ok("xe", "host-list", "params=name-label", "--minimal").strip()
        self.assertEqual(names, "target")

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

    def test_5_processes_have_the_rights_they_need(self):
        def status(unit):
            pid = self.ok("systemctl", "show", "-p", "MainPID", "--value", unit).strip()
            lines = self.ok("cat", f"/proc/{pid}/status").splitlines()
            return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

        xapi = status("xapi.service")
        uid = self.ok("id", "-u", "xapi").strip()
        self.assertEqual(xapi["Uid"].split(), [uid] * 4)
        self.assertEqual(int(xapi["CapEff"], 16) & ~(1 << 10), 0, "more than CAP_NET_BIND_SERVICE")
        for unit in ("xapi.service", "xcp-networkd.service", "xcp-storaged.service"):
            self.assertEqual(status(unit)["NoNewPrivs"].strip(), "1", unit)
        self.assertEqual(int(status("xcp-networkd.service")["CapEff"], 16) & (1 << 21), 0, "CAP_SYS_ADMIN")

    def test_5_sockets_are_closed_to_others(self):
        for name in ("hypervisor", "storage", "network", "auth"):
            facts = self.ok("stat", "-c", "%a %G", f"/run/xcp/{name}.sock").strip()
            self.assertEqual(facts, "660 xapi", name)
        self.assertEqual(self.ok("stat", "-c", "%a %U %G", "/run/xcp").strip(), "1775 root xapi")

    def test_6_restarts_lose_nothing(self):
        uuid = self.ok("xe", "host-list", "--minimal")
        network = self.ok("xe", "network-create", "name-label=kept").strip()
        for unit in ("xapi", "xcp-hypervisord", "xcp-storaged", "xcp-networkd"):
            self.ok("systemctl", "kill", "--signal=KILL", "--kill-whom=main", f"{unit}.service")
            self.wait_until(f"{unit} is back", lambda unit=unit: self.state(unit) == "active", 10)
        self.wait_until("xe answers again", lambda: self.host.run(
            "xe", "host-list", "--minimal").stdout == uuid, 10)
        self.assertEqual(self.ok("xe", "network-list", "name-label=kept", "--minimal").strip(), network)

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
        uuid = self.ok("xe", "host-list", "--minimal")
        self.apt("install", "--reinstall", *PACKAGES)
        self.wait_until("xe answers again", lambda: self.host.run(
            "xe", "host-list", "--minimal").stdout == uuid)

    def test_9_purge(self):
        self.ok("apt-get", "-q", "-y", "purge", *PACKAGES, timeout=300)
        left = self.ok("sh", "-c", "ls -d /run/xcp/*.sock /var/lib/xcp /etc/xcp /etc/pam.d/xapi "
                                   "/usr/lib/xcp /usr/share/xcp 2>/dev/null || true")
        self.assertEqual(left.strip(), "")
        self.assertEqual(self.ok("sh", "-c", "pgrep -u xapi -l || true").strip(), "")
        self.assertEqual(self.ok("systemctl", "--failed", "--plain", "--no-legend").strip(), "")


def main():
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, failfast=False).run(
        unittest.defaultTestLoader.loadTestsFromTestCase(Install))
    failed = len({str(test) for test, _ in result.failures + result.errors})
    print(f"{max(result.testsRun - failed, 0)} passed, {failed} failed")
    return 0 if result.testsRun and not failed else 1


sys.exit(main())
