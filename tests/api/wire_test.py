# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input of every kind gets the error that the wire formats promise and changes nothing: all
# records of all classes are read before and after each test.
import http.client
import json
import pathlib
import re
import socket
import ssl
import threading
import unittest
import xmlrpc.client

from host import TOP, Client, Host, UnixConnection, World

METHODS = (TOP / "tests/golden/datamodel/methods.txt").read_text().splitlines()
CLASSES = sorted(line.split(".")[0] for line in METHODS if re.match(r"\w+\.get_all_records\(", line))
PASSING = {"session", "task"}  # what the calls of this test make and remove themselves
CLOCKS = {"last_updated", "memory_free"}  # fields that change with time


def xml_call(method, *params):
    return xmlrpc.client.dumps(params, method).encode()


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(sim_options=["time_scale=0"]).start()
        cls.addClassCleanup(cls.host.close)
        cls.world = World(cls.host)
        cls.addClassCleanup(cls.world.client.close)
        cls.call = staticmethod(cls.world.client.call)
        cls.session = cls.world.client.session
        cls.vm = cls.world.guest("wire")

    def setUp(self):
        self.before = self.everything()

    def tearDown(self):
        self.assertEqual(self.everything(), self.before)

    def everything(self):
        return {name: {ref: {field: value for field, value in record.items() if field not in CLOCKS}
                       for ref, record in self.call(f"{name}.get_all_records").items()}
                for name in CLASSES if name not in PASSING}

    # ---- ways to talk -----------------------------------------------------------------------------

    def post(self, path, body, headers=(), tls=False):
        connection = (http.client.HTTPSConnection("127.0.0.1", self.host.port, timeout=60,
                                                  context=ssl._create_unverified_context())
                      if tls else UnixConnection(self.host.socket("xapi"), 60))
        try:
            connection.request("POST", path, body, dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers
        finally:
            connection.close()

    def xml(self, method, *params, path="/", body=None):
        status, text, headers = self.post(path, body or xml_call(method, *params),
                                          {"Content-Type": "text/xml"})
        self.assertEqual((status, headers["Content-Type"]), (200, "text/xml"), text)
        (answer,), _ = xmlrpc.client.loads(text)
        return answer

    def xml_error(self, *args, **kwargs):
        answer = self.xml(*args, **kwargs)
        self.assertEqual(answer["Status"], "Failure", answer)
        return answer["ErrorDescription"]

    def json(self, request, **kwargs):
        body = request if isinstance(request, (bytes, str)) else json.dumps(request)
        status, text, _ = self.post("/jsonrpc", body, {"Content-Type": "application/json"}, **kwargs)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def json_error(self, method, *params):
        answer = self.json({"jsonrpc": "2.0", "method": method, "params": params, "id": 7})
        self.assertEqual(answer["id"], 7)
        return [answer["error"]["message"], *answer["error"]["data"]]

    def both_errors(self, method, *params):
        """The error of a call, which has to be the same in both languages."""
        error = self.json_error(method, *params)
        self.assertEqual(self.xml_error(method, *params)[0], error[0])
        return error

    def refused(self, path, body, headers=()):
        status, text, reply = self.post(path, body, headers)
        self.assertEqual(status, 500, (body[:80], text))
        self.assertIn("text/html", reply["Content-Type"])
        self.assertIn(b"<", text)
        self.assertEqual(self.json({"method": "system.isAlive:x", "params": ["y"], "id": 1})["result"], "y")
        return text

    def memory_bytes(self):
        text = pathlib.Path(f"/proc/{self.host.processes['xapi'].pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) << 10

    def stream(self):
        link = socket.socket(socket.AF_UNIX)
        self.addCleanup(link.close)
        link.settimeout(60)
        link.connect(str(self.host.socket("xapi")))
        return link

    # ---- bodies that are no calls -----------------------------------------------------------------

    def test_malformed_xml(self):
        good = xml_call("VM.set_name_label", self.session, self.vm, "spoiled")
        for body in (b"", b"   ", b"nonsense", b"<", good[:-3], good[:len(good) // 2], b"\0" * 100,
                     good.replace(b"</methodName>", b"</methodname>"), b"<methodCall/>", b"<a/>",
                     b"<methodCall><methodName></methodName></methodCall>",
                     b"<methodCall><methodName>VM.get_all</methodName><params><param/></params></methodCall>",
                     b"<methodResponse/>", good.replace(b"VM.set_name_label", b"VM.set_name_\xff")):
            with self.subTest(body=body[:200]):
                self.refused("/", body, {"Content-Type": "text/xml"})

    def test_external_and_growing_entities_are_not_expanded(self):
        bomb = (b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y SYSTEM "file:///etc/passwd">]><methodCall>'
                b"<methodName>system.isAlive:x</methodName><params><param><value>%s</value></param>"
                b"</params></methodCall>")
        for entity in (b"&x;", b"&y;"):
            answer = self.xml(None, body=bomb % entity)
            self.assertEqual(answer, {"Status": "Success", "Value": entity.decode()})

    def test_malformed_json(self):
        good = json.dumps({"jsonrpc": "2.0", "method": "VM.set_name_label", "id": 1,
                           "params": [self.session, self.vm, "spoiled"]})
        for body in ("", " ", "nonsense", "{", good[:-1], good + "}", "[]", "null", "1", '"x"', f"[{good}]",
                     good.replace('"2.0"', '"3.0"'), good.replace('"2.0"', "2.0"),
                     good.replace('"id": 1', '"id": null'), good.replace('"id": 1', '"id": [1]'),
                     good.replace(', "id": 1', ""), good.replace('"method"', '"procedure"'),
                     good.replace('"VM.set_name_label"', "5"),
                     json.dumps({"jsonrpc": "2.0", "method": "VM.get_all", "id": 1, "params": "x"})):
            with self.subTest(body=body[:200]):
                self.refused("/jsonrpc", body)

    def test_text_that_is_not_utf8(self):
        for text in (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80"):
            body = xml_call("VM.set_name_label", self.session, self.vm, "MARK").replace(b"MARK", text)
            with self.subTest(text=text):
                self.assertEqual(self.xml_error(None, body=body)[0], "INVALID_VALUE")
                body = json.dumps({"method": "VM.set_name_label", "id": 1,
                                   "params": [self.session, self.vm, "MARK"]}).encode()
                status, answer, _ = self.post("/jsonrpc", body.replace(b"MARK", text))
                if status == 200:
                    self.assertEqual(json.loads(answer)["error"][0], "INVALID_VALUE")
                else:
                    self.assertEqual(status, 500)

    def test_deep_nesting(self):
        for depth in (100, 10000):
            deep = b"<value><array><data>" * depth + b"</data></array></value>" * depth
            body = b"<methodCall><methodName>system.isAlive:x</methodName><params><param>%s</param>" \
                   b"</params></methodCall>" % deep
            if len(body) < 300000:
                self.refused("/", body)
            self.refused("/jsonrpc", '{"method":"system.isAlive:x","id":1,"params":[%s%s]}'
                         % ("[" * depth, "]" * depth))
        self.refused("/", b"<a>" * 90000)

    # ---- calls that are none ----------------------------------------------------------------------

    def test_unknown_names(self):
        for name in ("VM.fly", "Plane.get_all", "VM", "", ".", "VM.", "VM.get_all ",
                     "Async.VM.fly", "Async.Async.VM.start", "VM.get_all\n", "x" * 10000):
            with self.subTest(name=name[:40]):
                error = self.json_error(name, self.session)
                self.assertEqual(error, ["MESSAGE_METHOD_UNKNOWN", name])
        self.assertEqual(self.xml_error("VM.fly", self.session), ["MESSAGE_METHOD_UNKNOWN", "VM.fly"])

    def test_removed_messages(self):
        removed = [line.split()[0].split("(")[0] for line in METHODS if line.endswith(" removed")]
        self.assertGreater(len(removed), 10)
        for name in removed:
            self.assertEqual(self.json_error(name, self.session)[0], "MESSAGE_REMOVED", name)

    def test_wrong_number_of_parameters(self):
        for params, received in (((), "-1"), ((self.session,), "0"),
                                 ((self.session, self.vm, "a", "b"), "3")):
            error = self.both_errors("VM.set_name_label", *params)
            self.assertEqual(error, ["MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.set_name_label", "2", received])
        error = self.json_error("session.login_with_password", "root")
        self.assertEqual(error[0], "MESSAGE_PARAMETER_COUNT_MISMATCH")

    def test_wrong_types(self):
        for method, *params in (("VM.set_name_label", self.vm, {}), ("VM.set_name_label", self.vm, ["a"]),
                                ("VM.set_name_label", {}, "a"), ("VM.set_tags", self.vm, "a"),
                                ("VM.set_tags", self.vm, [["a"]]), ("VM.set_other_config", self.vm, []),
                                ("VM.set_other_config", self.vm, {"a": {}}),
                                ("VM.set_user_version", self.vm, "many"),
                                ("VM.set_user_version", self.vm, "12x"),
                                ("VM.set_user_version", self.vm, str(1 << 63)),
                                ("VM.set_is_a_template", self.vm, "yes"), ("VM.start", self.vm, {}, False),
                                ("VDI.create", "a"), ("VDI.create", {"virtual_size": "large"}),
                                ("event.from", "*", "", 0.0), ("event.from", ["*"], "", "soon")):
            with self.subTest(method=method, params=params):
                self.assertIn(self.both_errors(method, self.session, *params)[0],
                              ("INTERNAL_ERROR", "INVALID_VALUE"))
        self.assertEqual(self.json_error("VM.set_name_label", 5, self.vm, "a")[0], "INTERNAL_ERROR")
        self.assertEqual(self.json_error("VM.set_user_version", self.session, self.vm, 1.5)[0],
                         "INTERNAL_ERROR")

    def test_wrong_enums_and_expressions(self):
        error = self.both_errors("VM.set_actions_after_crash", self.session, self.vm, "explode")
        self.assertIn(error[0], ("INVALID_VALUE", "INTERNAL_ERROR"))
        for expression in ("", "field", 'field "nothing" = "a"', "(true", "true true", "not", '"a" = "b'):
            error = self.both_errors("VM.get_all_records_where", self.session, expression)
            self.assertEqual(error[0], "INVALID_VALUE", expression)

    def test_references_of_nothing(self):
        for ref in ("OpaqueRef:NULL", "OpaqueRef:none", "x" * 5000, "'; drop table", self.world.host_ref):
            with self.subTest(ref=ref[:40]):
                self.assertEqual(self.both_errors("VM.get_record", self.session, ref),
                                 ["HANDLE_INVALID", "VM", ref])
                self.assertEqual(self.both_errors("VM.start", self.session, ref, False, False),
                                 ["HANDLE_INVALID", "VM", ref])
        error = self.both_errors("VM.get_by_uuid", self.session, "none")
        self.assertEqual(error, ["UUID_INVALID", "VM", "none"])
        self.assertEqual(self.both_errors("VM.get_all", "OpaqueRef:nobody"),
                         ["SESSION_INVALID", "OpaqueRef:nobody"])

    def test_async_of_what_has_no_such_form(self):
        self.assertEqual(self.both_errors("Async.VM.get_all", self.session)[0], "Fault")

    # ---- connections ------------------------------------------------------------------------------

    def test_large_bodies(self):
        large = b"x" * 400000
        for path in ("/", "/RPC2", "/jsonrpc"):
            self.refused(path, large)
        link = self.stream()
        link.sendall(b"POST /jsonrpc HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n")
        self.assertTrue(link.recv(100).startswith(b"HTTP/1.1 500"))  # before any of it has come
        before = self.memory_bytes()
        try:
            for _ in range(1600):
                link.sendall(b" " * 65536)
        except OSError:
            pass  # the server may close at any time
        self.assertLess(self.memory_bytes() - before, 20 << 20)

    def test_large_headers(self):
        link = self.stream()
        link.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70000 + b"\r\n\r\n")
        self.assertTrue(link.recv(100).startswith(b"HTTP/1.1 431"))

    def test_a_body_without_length(self):
        link = self.stream()
        link.sendall(b"POST /jsonrpc HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(link.recv(100).startswith(b"HTTP/1.1 500"))

    def test_half_requests(self):
        body = xml_call("VM.set_name_label", self.session, self.vm, "spoiled")
        whole = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        for length in (1, 20, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
            link = self.stream()
            link.sendall(whole[:length])
            link.shutdown(socket.SHUT_WR)
            answer = link.makefile("rb").read()
            self.assertNotIn(b"200 OK", answer)

    def test_not_http(self):
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET\r\n\r\n", b"\0" * 1000 + b"\r\n\r\n",
                        b"POST / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"):
            link = self.stream()
            link.sendall(garbage)
            link.shutdown(socket.SHUT_WR)
            self.assertNotIn(b" 200 ", link.makefile("rb").read(), garbage)

    def test_slow_clients_do_not_hold_others_up(self):
        body = json.dumps({"method": "system.isAlive:x", "params": ["slow"], "id": 1}).encode()
        whole = b"POST /jsonrpc HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" \
            % (len(body), body)
        links = [self.stream() for _ in range(100)]
        for position in range(0, len(whole), 16):
            for link in links:
                link.sendall(whole[position:position + 16])
            self.assertEqual(self.json({"method": "system.isAlive:x", "params": ["y"], "id": 1})["result"], "y")
        for link in links:
            self.assertIn(b'"slow"', link.makefile("rb").read())

    def test_pipelining_keeps_the_order(self):
        requests = b""
        for number in range(50):
            body = json.dumps({"method": f"system.isAlive:{number}", "params": [str(number)], "id": number})
            requests += (f"POST /jsonrpc HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
                         f"{'Connection: close' + chr(13) + chr(10) if number == 49 else ''}"
                         f"\r\n{body}").encode()
        link = self.stream()
        sender = threading.Thread(target=link.sendall, args=(requests,))
        sender.start()
        answers = link.makefile("rb").read()
        sender.join()
        ids = [int(found) for found in re.findall(rb'"id":(\d+)\}', answers)]
        self.assertEqual(ids, list(range(50)))

    def test_keep_alive(self):
        client = Client(self.host, tls=True).login()
        self.addCleanup(client.close)
        link = client.connection.sock
        for _ in range(20):
            client.call("VM.get_power_state", self.vm)
            self.assertIs(client.connection.sock, link)
        link = self.stream()
        link.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b"XenAPI", link.makefile("rb").read())  # ends, because the server closes

    # ---- languages --------------------------------------------------------------------------------

    def test_xml_paths_and_types(self):
        for path in ("/", "/RPC2", "/json"):
            self.assertEqual(self.xml("VM.get_power_state", self.session, self.vm, path=path),
                             {"Status": "Success", "Value": "Halted"})
        answer = self.xml("VM.get_VCPUs_max", self.session, self.vm)["Value"]
        self.assertIsInstance(answer, str)
        record = self.xml("VM.get_record", self.session, self.vm)["Value"]
        self.assertIsInstance(record["last_boot_CPU_flags"], dict)
        self.assertIsInstance(record["is_a_template"], bool)
        self.assertIsInstance(record["snapshot_time"], xmlrpc.client.DateTime)
        self.assertRegex(str(record["snapshot_time"]), r"^\d{8}T\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.xml("VM.update_allowed_operations", self.session, self.vm)["Value"], "")

    def test_json_versions(self):
        call = {"method": "VM.get_power_state", "params": [self.session, self.vm], "id": "seven"}
        self.assertEqual(self.json(call), {"result": "Halted", "error": None, "id": "seven"})
        self.assertEqual(self.json(call | {"jsonrpc": "2.0"}),
                         {"jsonrpc": "2.0", "result": "Halted", "id": "seven"})
        call["params"] = [self.session, "nobody"]
        self.assertEqual(self.json(call),
                         {"result": None, "error": ["HANDLE_INVALID", "VM", "nobody"], "id": "seven"})
        self.assertEqual(self.json(call | {"jsonrpc": "2.0"}),
                         {"jsonrpc": "2.0", "id": "seven",
                          "error": {"code": 1, "message": "HANDLE_INVALID", "data": ["VM", "nobody"]}})

    def test_system_calls(self):
        status, text, _ = self.post("/", xml_call("system.listMethods"))
        self.assertEqual(status, 200)
        (names,), _ = xmlrpc.client.loads(text)
        wanted = {line.split("(")[0] for line in METHODS if "(" in line}
        self.assertEqual(wanted - set(names), set())
        self.assertEqual(self.xml("system.isAlive:whatever", "back")["Value"], "back")
        status, _, headers = self.post("/", xml_call("system.isAlive:x", "y"), tls=True)
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "*"))
        self.assertIn("no-cache", headers["Cache-Control"])


if __name__ == "__main__":
    unittest.main()
