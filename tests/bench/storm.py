# SPDX-License-Identifier: GPL-2.0-or-later
# Two watchers for the start storm, each a process of its own so that neither holds up the other: one
# listens to the hypervisor daemon's events, one to the API's. Each reports, for every VM, the
# monotonic time at which the message that told of its running arrived.
import json
import multiprocessing
import re
import socket
import time


class HypervisorLine:
    """One connection to the hypervisor daemon: JSON-RPC 2.0, a line each way."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def call(self, method, *params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.file.readline())
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


def watch_hypervisor(path, uuids, ready, results):
    """An event says that a domain changed; what it changed to is read after it. The stamp is the
    event's, so it may be early (by an event), never late."""
    events, reads = HypervisorLine(path), HypervisorLine(path)
    waiting, seen = set(uuids), {}
    batch = events.call("events", "", 0, 0)
    ready.set()
    while waiting:
        batch = events.call("events", batch["epoch"], batch["last"], 60000)
        now = time.monotonic()
        if not batch["events"]:
            raise RuntimeError(f"{len(waiting)} domains did not start within a minute")
        for uuid in {event["uuid"] for event in batch["events"]} & waiting:
            domain = reads.call("domain", uuid)
            if domain and domain["power"] == "running":
                seen[uuid] = now
                waiting.discard(uuid)
    results.put(("hypervisor", seen))


def watch_api(client, uuids, ready, results):
    """The token is looked for in the text, so that the next call is made before this answer is
    understood, as a client with a thread for events does."""
    waiting, seen = set(uuids), {}
    token = client.call("event.from", [], "", 0.0)["token"]
    find_token = re.compile(r'"token":"([^"]*)"')
    connection = client.connect()

    def ask():
        body = json.dumps({"jsonrpc": "2.0", "method": "event.from", "id": 1,
                           "params": [client.session, ["vm"], token, 60.0]})
        connection.request("POST", "/jsonrpc", body)

    ask()
    ready.set()
    while waiting:
        text = connection.getresponse().read().decode()
        now = time.monotonic()
        token = find_token.findall(text)[-1]
        ask()
        events = json.loads(text)["result"]["events"]
        if not events:
            raise RuntimeError(f"{len(waiting)} VMs were not seen to run within a minute")
        for event in events:
            record = event.get("snapshot") or {}
            if record.get("power_state") == "Running" and record["uuid"] in waiting:
                seen[record["uuid"]] = now
                waiting.discard(record["uuid"])
    results.put(("api", seen))


class Watchers:
    def __init__(self, host, client, uuids):
        # Forked before any of them connects: no connection is shared.
        context = multiprocessing.get_context("fork")
        self.results = context.Queue()
        self.processes = []
        for target, source in ((watch_hypervisor, host.socket("hypervisor")), (watch_api, client)):
            ready = context.Event()
            process = context.Process(target=target, args=(source, uuids, ready, self.results), daemon=True)
            process.start()
            if not ready.wait(60):
                raise RuntimeError("a watcher does not come up")
            self.processes.append(process)

    def delays(self, timeout):
        """Seconds from the hypervisor's word to the client's, a VM each."""
        seen = dict(self.results.get(timeout=timeout) for _ in self.processes)
        for process in self.processes:
            process.join(10)
        return [max(0.0, seen["api"][uuid] - at) for uuid, at in seen["hypervisor"].items()]
