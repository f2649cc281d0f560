# SPDX-License-Identifier: GPL-2.0-or-later
# OpenStack's client library, as Debian packages it: its session class (in which a lost session is
# made anew) and its object wrappers.
import os
import ssl
import unittest
import xmlrpc.client

from os_xenapi.client import XenAPI, objects


class Wrapped:
    """What the object wrappers want of a session."""

    def __init__(self, session):
        self.call_xenapi = lambda method, *arguments: session.xenapi_request(method, arguments)


class OsXenapi(unittest.TestCase):
    def setUp(self):
        transport = xmlrpc.client.SafeTransport(context=ssl._create_unverified_context())
        self.session = XenAPI.Session(os.environ["XAPI_URL"], transport=transport)
        self.session.login_with_password(os.environ["XAPI_USER"], os.environ["XAPI_PASSWORD"], "2.1",
                                         "os-xenapi test")
        self.addCleanup(transport.close)

    def test_login_finds_the_version(self):
        self.assertRegex(self.session.API_version, r"^2\.\d+$")

    def test_attribute_calls(self):
        (host,) = self.session.xenapi.host.get_all()
        self.assertEqual(self.session.xenapi.session.get_this_host(self.session.handle), host)
        self.assertIn("product_version", self.session.xenapi.host.get_software_version(host))

    def test_wrapped_objects(self):
        vms = objects.VM(Wrapped(self.session))
        found = vms.get_all_records_where('field "is_control_domain"="true"')
        self.assertEqual([record["is_control_domain"] for record in found.values()], [True])

    def test_failures_are_theirs(self):
        with self.assertRaises(XenAPI.Failure) as caught:
            self.session.xenapi.VM.get_by_uuid("00000000-0000-4000-8000-000000000000")
        self.assertEqual(caught.exception.details[0], "UUID_INVALID")

    def test_a_lost_session_is_made_anew(self):
        old = self.session.handle
        self.session.session.logout(old)
        self.assertEqual(len(self.session.xenapi.host.get_all()), 1)
        self.assertNotEqual(self.session.handle, old)

    def test_tasks(self):
        task = self.session.xenapi.task.create("os-xenapi", "a task of a client's own")
        self.session.xenapi.task.set_progress(task, 0.5)
        self.assertEqual(self.session.xenapi.task.get_progress(task), 0.5)
        self.session.xenapi.task.destroy(task)


if __name__ == "__main__":
    unittest.main()
