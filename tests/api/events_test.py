# SPDX-License-Identifier: GPL-2.0-or-later
# Events, tasks and messages: what a client that watches gets told, when, and in which form.
import threading
import time
import unittest
import uuid
import xmlrpc.client

from host import DRIVER, ApiError, Host, World, await_value

PROMPT = 5  # seconds; a busy machine takes its time, a poll of the server would take longer


def value_of(result):
    """What the text of task.result holds: one XML-RPC value."""
    text = ('<?xml version="1.0"?><methodResponse><params><param>' + (result or "<value></value>")
            + "</param></params></methodResponse>")
    return xmlrpc.client.loads(text)[0][0]


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host().start()
        cls.addClassCleanup(cls.host.close)
        cls.world = World(cls.host)
        cls.addClassCleanup(cls.world.client.close)
        cls.call = staticmethod(cls.world.client.call)

    def network(self, name="watched"):
        return self.call("network.create", {"name_label": name, "name_description": "", "MTU": 1500,
                                            "other_config": {}, "bridge": "", "managed": True, "tags": []})

    def events(self, classes, token, timeout=0.0):
        batch = self.call("event.from", classes, token, timeout)
        return batch["events"], batch["token"]

    def token(self, classes=("network",)):
        return self.events(list(classes), "")[1]

    def changes(self, classes, token, timeout=0.0):
        return [(event["class"], event["operation"], event["ref"])
                for event in self.events(classes, token, timeout)[0]]

    def refused(self, code, method, *params):
        with self.assertRaises(ApiError) as caught:
            self.call(method, *params)
        self.assertEqual(caught.exception.code, code)
        return caught.exception.params

    def waiting(self, *params, method="event.from"):
        """A call on a connection of its own: (thread, answer, time of the answer)."""
        client, answer = self.host.client(), {}

        def wait():
            try:
                answer["value"] = client.call(method, *params)
            except ApiError as error:
                answer["value"] = error
            answer["time"] = time.monotonic()
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        self.addCleanup(client.close)
        return thread, answer, client

    # ---- event.from -------------------------------------------------------------------------------

    def test_the_first_call_tells_everything(self):
        batch = self.call("event.from", ["*"], "", 0.0)
        told = {}
        for event in batch["events"]:
            self.assertEqual((event["operation"], event["timestamp"]), ("add", "0.0"))
            self.assertTrue(event["id"].isdigit())
            told.setdefault(event["class"], {})[event["ref"]] = event["snapshot"]
        for name in ("VM", "SR", "network", "host", "pool", "role", "PIF"):
            records = self.call(f"{name}.get_all_records")
            self.assertEqual(set(told.get(name.lower(), {})), set(records), name)
            self.assertEqual(batch["valid_ref_counts"][name.lower()], len(records))
            for ref, record in records.items():
                self.assertEqual(set(told[name.lower()][ref]), set(record))
        self.assertRegex(batch["token"], r"^\d{20},\d{20}$")

    def test_a_life(self):
        token = self.token()
        ref = self.network()
        (event,), token = self.events(["network"], token)
        self.assertEqual((event["class"], event["operation"], event["ref"]), ("network", "add", ref))
        self.assertEqual(event["snapshot"]["name_label"], "watched")
        self.call("network.set_name_label", ref, "renamed")
        (event,), token = self.events(["network"], token)
        self.assertEqual((event["operation"], event["snapshot"]["name_label"]), ("mod", "renamed"))
        self.assertEqual(event["snapshot"], self.call("network.get_record", ref))
        self.call("network.destroy", ref)
        (event,), token = self.events(["network"], token)
        self.assertEqual((event["operation"], event["ref"]), ("del", ref))
        self.assertNotIn("snapshot", event)
        self.assertEqual(self.events(["network"], token)[0], [])

    def test_changes_collapse(self):
        ref = self.network()
        self.addCleanup(self.call, "network.destroy", ref)
        token = self.token()
        for number in range(20):
            self.call("network.set_name_description", ref, str(number))
        (event,), _ = self.events(["network"], token)
        self.assertEqual((event["operation"], event["snapshot"]["name_description"]), ("mod", "19"))
        self.call("network.destroy", self.network("short"))
        self.assertEqual(self.changes(["network"], token), [("network", "mod", ref)])
        other = self.network("new")
        self.addCleanup(self.call, "network.destroy", other)
        self.call("network.set_name_label", other, "newer")
        self.assertEqual(self.changes(["network"], token),
                         [("network", "add", other), ("network", "mod", ref)])

    def test_filters(self):
        one, two = self.network(), self.network()
        for ref in (one, two):
            self.addCleanup(self.call, "network.destroy", ref)
        token = self.token()
        for ref in (one, two):
            self.call("network.set_name_label", ref, "filtered")
        self.call("SR.set_name_description", self.world.sr, str(uuid.uuid4()))
        self.assertEqual(self.changes([f"network/{one}"], token), [("network", "mod", one)])
        self.assertEqual(self.changes(["NetWork"], token), [("network", "mod", one), ("network", "mod", two)]
                         if one < two else self.changes(["network"], token))
        self.assertEqual({name for name, _, _ in self.changes(["network", "sr"], token)}, {"network", "sr"})
        self.assertEqual(self.changes(["VM"], token), [])
        self.assertIn(("network", "mod", two), self.changes(["*"], token))

    def test_malformed(self):
        for token in ("x", "1", "1,", ",1", "1,2,3", "-1,0", "1,x", "1 ,1"):
            self.assertEqual(self.refused("EVENT_FROM_TOKEN_PARSE_FAILURE", "event.from", ["*"], token, 0.0),
                             [token])
        for entry in ("plane", "", "/", "plane/x", "VM network"):
            params = self.refused("EVENT_SUBSCRIPTION_PARSE_FAILURE", "event.from", [entry], "", 0.0)
            self.assertEqual(params, [entry])

    def test_a_timeout_is_kept(self):
        token = self.token()
        began = time.monotonic()
        events, again = self.events(["network"], token, 0.5)
        self.assertEqual(events, [])
        self.assertGreater(time.monotonic() - began, 0.4)
        self.assertLess(time.monotonic() - began, PROMPT)
        self.assertEqual(self.changes(["network"], again), [])

    def test_a_waiting_call_is_answered_at_once(self):
        ref = self.network()
        self.addCleanup(self.call, "network.destroy", ref)
        waiting = [self.waiting(["network"], self.token(), 60.0) for _ in range(20)]
        # A waiting call can only be told apart from one that has not arrived by an answer.
        self.call("VM.set_name_description", self.world.template(), "of no interest")
        began = time.monotonic()
        self.call("network.set_name_label", ref, "woken")
        for thread, answer, _ in waiting:
            thread.join(30)
            self.assertEqual([event["ref"] for event in answer["value"]["events"]], [ref])
            self.assertLess(answer["time"] - began, PROMPT)

    def test_no_change_is_missed_by_one_who_watches(self):
        token, seen, done = self.token(), set(), threading.Event()
        client = self.host.client()
        self.addCleanup(client.close)
        last = ["", 0]

        def watch():
            current = token
            while not done.is_set():
                batch = client.call("event.from", ["network"], current, 1.0)
                current = batch["token"]
                for event in batch["events"]:
                    (seen.discard if event["operation"] == "del" else seen.add)(event["ref"])
                if last[0] in seen:
                    done.set()
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        made = [self.network(f"n{number}") for number in range(60)]
        for ref in made[::2]:
            self.call("network.destroy", ref)
        last[0] = self.network("the last")
        self.assertTrue(done.wait(60))
        thread.join(10)
        self.assertEqual(seen, {*made[1::2], last[0]})
        for ref in seen:
            self.call("network.destroy", ref)

    def test_logout_ends_waiting(self):
        thread, answer, client = self.waiting(["network"], self.token(), 60.0)
        other = self.host.client()
        other.session = client.session
        other.call("session.logout")
        other.close()
        thread.join(30)  # the server looks for ended sessions now and then
        self.assertFalse(thread.is_alive())
        self.assertEqual(answer["value"].code, "SESSION_INVALID")

    def test_order_of_a_batch(self):
        gone, kept = self.network("gone"), self.network("kept")
        token = self.token(["*"])
        self.call("network.set_name_label", kept, "mod")
        self.call("network.destroy", gone)
        new = self.network("add")
        told = [event[1:] for event in self.changes(["network"], token)]
        self.assertEqual(told, [("add", new), ("mod", kept), ("del", gone)])
        for ref in (kept, new):
            self.call("network.destroy", ref)

    # ---- the older calls --------------------------------------------------------------------------

    def test_register_and_next(self):
        client = self.host.client()
        self.addCleanup(client.close)
        with self.assertRaises(ApiError) as caught:
            client.call("event.next")
        self.assertEqual(caught.exception.code, "SESSION_NOT_REGISTERED")
        client.call("event.register", ["network"])
        ref = self.network("older")
        events = client.call("event.next")
        self.assertEqual([(e["class"], e["operation"], e["ref"]) for e in events], [("network", "add", ref)])
        self.call("network.destroy", ref)
        self.assertEqual([e["operation"] for e in client.call("event.next")], ["del"])
        client.call("event.unregister", ["network"])
        with self.assertRaises(ApiError) as caught:
            client.call("event.next")
        self.assertEqual(caught.exception.code, "SESSION_NOT_REGISTERED")

    def test_inject(self):
        ref = self.network()
        self.addCleanup(self.call, "network.destroy", ref)
        token = self.token()
        injected = self.call("event.inject", "network", ref)
        events, after = self.events(["network"], token)
        self.assertEqual([(e["operation"], e["ref"]) for e in events], [("mod", ref)])
        self.assertGreaterEqual(after, injected)
        self.assertGreater(injected, token)
        self.refused("HANDLE_INVALID", "event.inject", "network", "OpaqueRef:nobody")
        before = self.call("event.get_current_id")
        self.call("event.inject", "network", ref)
        self.assertGreater(self.call("event.get_current_id"), before)

    # ---- tasks ------------------------------------------------------------------------------------

    def finished(self, task):
        token = ""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            batch = self.call("event.from", [f"task/{task}"], token, 10.0)
            token = batch["token"]
            for event in batch["events"]:
                if event["snapshot"]["status"] not in ("pending", "cancelling"):
                    return event["snapshot"]
        raise AssertionError("the task never ends")

    def test_a_task_that_succeeds(self):
        vm = self.world.guest("task")
        task = self.call("Async.VM.start", vm, False, False)
        record = self.finished(task)
        self.assertEqual((record["status"], record["progress"]), ("success", 1.0))
        self.assertEqual((record["name_label"], record["error_info"]), ("Async.VM.start", []))
        self.assertEqual(value_of(record["result"]), "")
        self.assertNotEqual(record["finished"], "19700101T00:00:00Z")
        copy = self.finished(self.call("Async.VM.snapshot", vm, "s", []))
        self.assertEqual(self.call("VM.get_name_label", value_of(copy["result"])), "s")
        self.call("task.destroy", task)
        self.refused("HANDLE_INVALID", "task.get_status", task)

    def test_a_task_that_fails(self):
        vm = self.world.guest("failing")
        record = self.finished(self.call("Async.VM.pause", vm))
        self.assertEqual(record["status"], "failure")
        self.assertEqual(record["error_info"], ["VM_BAD_POWER_STATE", vm, "running", "halted"])
        self.assertEqual(record["result"], "")

    @unittest.skipUnless(DRIVER == "sim", "only a simulated hypervisor hangs at will")
    def test_progress_and_cancelling(self):
        vm = self.world.guest("cancelled", disks=6)
        token = self.token(["task"])
        fault = {"method": "build", "kind": "hang", "uuid": self.call("VM.get_uuid", vm)}
        self.host.ask("xcp-hypervisord", "control", "fault", fault)
        task = self.call("Async.VM.start", vm, False, False)
        progress = await_value(lambda: self.call("task.get_progress", task), lambda p: p > 0,
                               what="progress")
        self.assertLess(progress, 1)
        self.assertEqual(self.call("task.get_status", task), "pending")
        self.assertIn("cancel", self.call("task.get_allowed_operations", task))
        self.assertIn("start", self.call("VM.get_current_operations", vm).values())
        self.call("task.cancel", task)
        self.host.ask("xcp-hypervisord", "control", "clear_fault", {})
        record = self.finished(task)
        self.assertEqual(record["status"], "cancelled")
        self.assertEqual(record["error_info"], ["TASK_CANCELLED", task])
        self.assertEqual(self.call("VM.get_power_state", vm), "Halted")
        self.refused("OPERATION_NOT_ALLOWED", "task.cancel", task)
        seen = [e for e in self.events(["task"], token)[0] if e["ref"] == task]
        self.assertEqual(len(seen), 1)
        self.call("VM.start", vm, False, False)

    def test_a_task_of_a_client(self):
        task = self.call("task.create", "mine", "made by a client")
        self.call("task.set_progress", task, 0.25)
        self.call("task.add_to_other_config", task, "key", "value")
        record = self.call("task.get_record", task)
        self.assertEqual((record["status"], record["progress"], record["other_config"]),
                         ("pending", 0.25, {"key": "value"}))
        self.call("task.set_status", task, "success")
        self.assertEqual(self.call("task.get_allowed_operations", task), ["destroy"])
        self.call("task.destroy", task)

    # ---- messages ---------------------------------------------------------------------------------

    def test_messages(self):
        token = self.token(["message"])
        pool = self.call("pool.get_uuid", self.world.pool)
        ref = self.call("message.create", "NEWS", 3, "Pool", pool, "text <&> größer")
        (event,), _ = self.events(["message"], token)
        self.assertEqual((event["operation"], event["ref"]), ("add", ref))
        record = self.call("message.get_record", ref)
        self.assertEqual((record["name"], record["priority"], record["cls"], record["obj_uuid"], record["body"]),
                         ("NEWS", 3, "Pool", pool, "text <&> größer"))
        self.assertEqual(event["snapshot"], record)
        self.assertIn(ref, self.call("message.get", "Pool", pool, "19700101T00:00:00Z"))
        self.assertIn(ref, self.call("message.get_all_records"))
        self.assertEqual(self.call("message.get_since", "20900101T00:00:00Z"), {})
        self.refused("UUID_INVALID", "message.create", "NEWS", 3, "VM", str(uuid.uuid4()), "")
        self.call("message.destroy", ref)
        self.refused("HANDLE_INVALID", "message.get_record", ref)


if __name__ == "__main__":
    unittest.main()
