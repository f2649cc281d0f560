# SPDX-License-Identifier: GPL-2.0-or-later
# Python's own XML-RPC client: raw answers, plain calls, events, a task to its end.
import os
import ssl
import unittest
import xmlrpc.client


class XmlRpc(unittest.TestCase):
    def setUp(self):
        context = ssl._create_unverified_context()
        self.server = xmlrpc.client.ServerProxy(os.environ["XAPI_URL"], context=context)
        self.session = self.value(self.server.session.login_with_password(
            os.environ["XAPI_USER"], os.environ["XAPI_PASSWORD"], "1.0", "xmlrpc test"))
        self.addCleanup(self.server("close"))

    def value(self, answer):
        self.assertEqual(answer["Status"], "Success", answer)
        return answer["Value"]

    def error(self, answer):
        self.assertEqual(answer["Status"], "Failure", answer)
        return answer["ErrorDescription"]

    def call(self, method, *arguments):
        return self.value(getattr(self.server, method)(self.session, *arguments))

    def test_the_host_is_there(self):
        (reference, record), = self.call("host.get_all_records").items()
        self.assertTrue(reference.startswith("OpaqueRef:"))
        self.assertTrue(record["enabled"])
        self.assertEqual(self.call("pool.get_master", *self.call("pool.get_all")), reference)

    def test_integers_are_strings(self):
        (host,) = self.call("host.get_all")
        version = self.call("host.get_API_version_major", host)
        self.assertIsInstance(version, str)
        self.assertGreaterEqual(int(version), 2)

    def test_wrong_password(self):
        error = self.error(self.server.session.login_with_password("root", "not it", "1.0", "test"))
        self.assertEqual(error[0], "SESSION_AUTHENTICATION_FAILED")

    def test_session_ends_with_logout(self):
        other = self.value(self.server.session.login_with_password(
            os.environ["XAPI_USER"], os.environ["XAPI_PASSWORD"], "1.0", "xmlrpc test"))
        self.value(self.server.session.logout(other))
        self.assertEqual(self.error(self.server.VM.get_all(other)), ["SESSION_INVALID", other])

    def test_unknown_reference_and_message(self):
        error = self.error(self.server.VM.get_record(self.session, "OpaqueRef:nobody"))
        self.assertEqual(error, ["HANDLE_INVALID", "VM", "OpaqueRef:nobody"])
        error = self.error(self.server.VM.fly(self.session))
        self.assertEqual(error[:2], ["MESSAGE_METHOD_UNKNOWN", "VM.fly"])

    def test_a_change_is_an_event(self):
        token = self.call("event.from", ["network"], "", 0.0)["token"]
        network = self.call("network.create", {
            "name_label": "grüne Straße & <Rest>", "name_description": "", "MTU": "1500",
            "other_config": {}, "bridge": "", "managed": True, "tags": []})
        self.addCleanup(lambda: self.call("network.destroy", network))
        batch = self.call("event.from", ["network"], token, 10.0)
        events = {event["ref"]: event for event in batch["events"]}
        self.assertEqual(events[network]["operation"], "add")
        self.assertEqual(events[network]["snapshot"]["name_label"], "grüne Straße & <Rest>")

    def test_a_task_to_its_end(self):
        template = next(reference for reference, record in self.call("VM.get_all_records").items()
                        if record["is_a_template"])
        task = self.value(getattr(self.server, "Async.VM.clone")(self.session, template, "from a task"))
        token, status = "", self.call("task.get_status", task)
        while status == "pending":
            token = self.call("event.from", ["task"], token, 10.0)["token"]
            status = self.call("task.get_status", task)
        self.assertEqual(status, "success", self.call("task.get_error_info", task))
        result = self.call("task.get_result", task)
        clone = result.removeprefix("<value>").removesuffix("</value>")
        self.assertEqual(self.call("VM.get_name_label", clone), "from a task")
        self.call("VM.destroy", clone)
        self.call("task.destroy", task)


if __name__ == "__main__":
    unittest.main()
