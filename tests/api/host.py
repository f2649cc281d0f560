# SPDX-License-Identifier: GPL-2.0-or-later
# A host of its own for each test class: the five daemons of a build, started below a temporary
# directory, with the power to kill any of them, to arm a fault in it, and to start it again. Nothing
# outlives close().
import atexit
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("XCP_BUILD", TOP / "build/dev"))
PASSWORD = "correct-horse"
DRIVER = os.environ.get("XCP_DRIVER", "sim")  # of the hypervisor daemon
NETWORK = {"sim": "sim", "libvirt": "user", "libxl": "bridge"}  # backend of the network daemon
ROLE_USERS = ("pool-admin", "pool-operator", "vm-power-admin", "vm-admin", "vm-operator", "read-only")


class ApiError(Exception):
    """A failure the server answered with: code and parameters."""

    def __init__(self, error):
        super().__init__(error)
        self.code, self.params = error[0], error[1:]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """JSON-RPC over one connection; call("VM.start", ref, ...) adds the session."""

    def __init__(self, host, tls=False, timeout=300):
        self.host, self.tls, self.timeout = host, tls, timeout
        self.connection = None
        self.session = None

    def connect(self):
        if self.tls:
            context = ssl._create_unverified_context()
            return http.client.HTTPSConnection("127.0.0.1", self.host.port, timeout=self.timeout,
                                               context=context)
        return UnixConnection(self.host.socket("xapi"), self.timeout)

    def raw(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1})
        if self.connection is None:
            self.connection = self.connect()
        try:
            self.connection.request("POST", "/jsonrpc", body, {"Content-Type": "application/json"})
            reply = self.connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        if reply.status != 200:
            raise http.client.HTTPException(f"{reply.status}: {text[:200]!r}")
        answer = json.loads(text)
        if "error" in answer:
            raise ApiError([answer["error"]["message"], *answer["error"]["data"]])
        return answer["result"]

    def login(self, user="root", password=PASSWORD):
        self.session = self.raw("session.login_with_password", user, password, "1.0", "test")
        return self

    def call(self, method, *params):
        return self.raw(method, self.session, *params)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Host:
    DAEMONS = ("xcp-authd", "xcp-networkd", "xcp-storaged", "xcp-hypervisord", "xapi")
    SOCKETS = {"xcp-authd": "auth", "xcp-networkd": "network", "xcp-storaged": "storage",
               "xcp-hypervisord": "hypervisor", "xapi": "xapi"}

    def __init__(self, driver=DRIVER, sim_options=(), directory=None):
        self.driver = driver
        self.options = list(sim_options) if driver == "sim" else ["agent_eager_ms=300"]
        self.own_directory = directory is None
        self.state = pathlib.Path(directory or tempfile.mkdtemp(prefix="xcp-api-", dir="/tmp"))
        self.kernels = self.state / "kernels"  # where xapi lets kernels of guests be
        self.processes = {}
        atexit.register(self.close)  # also when the tests are ended in the middle
        self.port = free_port()
        for part in ("run", "log", "images", "sr", "xapi", "kernels"):
            (self.state / part).mkdir(exist_ok=True)
        password = self.state / "password"
        password.write_text("".join(f"{user}:{PASSWORD}\n" for user in ("root", "stranger", *ROLE_USERS)))
        password.chmod(0o600)

    def socket(self, name):
        return self.state / "run" / f"{name}.sock"

    def command(self, daemon):
        state, run = self.state, self.state / "run"
        return {
            "xcp-authd": [BUILD / "src/authd/xcp-authd", "--socket", run / "auth.sock",
                          "--password-file", state / "password"],
            "xcp-networkd": [BUILD / "ovs-integration/xcp-networkd", "--socket", run / "network.sock",
                             "--state-dir", state / "network", "--group", "root",
                             "--backend", NETWORK[self.driver]],
            "xcp-storaged": [BUILD / "src/sm/xcp-storaged", "--socket", run / "storage.sock",
                             "--state-dir", state / "storage", "--image-dir", state / "images",
                             "--group", "root"],
            "xcp-hypervisord": [BUILD / "src/hypervisor/daemon/xcp-hypervisord",
                                "--socket", run / "hypervisor.sock", "--state-dir", state / "hypervisor",
                                "--module-dir", BUILD / "lib/xcp/hypervisor", "--group", "root",
                                "--driver", self.driver]
                               + (["--uri", f"qemu:///embed?root={state}/libvirt"]
                                  if self.driver == "libvirt" else [])
                               + [word for option in self.options for word in ("--option", option)],
            "xapi": [BUILD / "src/xapi/xapi", "--socket", run / "xapi.sock", "--state-dir", state / "xapi",
                     "--listen", "127.0.0.1", "--https-port", str(self.port), "--group", "root",
                     "--templates-dir", TOP / "templates", "--kernel-dir", self.kernels,
                     "--hypervisor-socket", run / "hypervisor.sock", "--storage-socket", run / "storage.sock",
                     "--network-socket", run / "network.sock", "--auth-socket", run / "auth.sock"],
        }[daemon]

    def start(self, *daemons, fault=None, trace=None):
        for daemon in daemons or self.DAEMONS:
            environment = {name: value for name, value in os.environ.items()
                           if name not in ("XCP_FAULT", "XCP_FAULT_TRACE")}
            if fault:
                environment["XCP_FAULT"] = fault
            if trace:
                environment["XCP_FAULT_TRACE"] = str(trace)
            log = open(self.state / "log" / daemon, "ab")
            self.processes[daemon] = subprocess.Popen(
                [str(word) for word in self.command(daemon)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment, start_new_session=True)
            log.close()
            self.await_socket(daemon)
        return self

    def await_socket(self, daemon):
        path = self.socket(self.SOCKETS[daemon])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.processes[daemon].poll() is not None:
                raise RuntimeError(f"{daemon} ended:\n{self.log(daemon)}")
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(path))
                    return
                except OSError:
                    time.sleep(0.02)
        raise RuntimeError(f"{daemon} does not answer:\n{self.log(daemon)}")

    def ask(self, daemon, method, *params):
        """A call of a daemon's own contract (src/base/rpc.hpp), past the API."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(str(self.socket(self.SOCKETS[daemon])))
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as reader:
                line = reader.readline()
        if not line:
            raise ConnectionError(f"{daemon} went away")
        answer = json.loads(line)
        if "error" in answer:
            raise ApiError([answer["error"]["message"], *answer["error"]["data"]])
        return answer["result"]

    def log(self, daemon):
        return (self.state / "log" / daemon).read_text(errors="replace")[-3000:]

    def kill(self, daemon, number=signal.SIGKILL):
        process = self.processes[daemon]
        if process.poll() is None:
            process.send_signal(number)
        process.wait(60)

    def alive(self, daemon):
        return self.processes[daemon].poll() is None

    def client(self, user="root", tls=False):
        return Client(self, tls).login(user)

    def close(self):
        atexit.unregister(self.close)
        if self.driver != "sim" and "xapi" in self.processes and self.alive("xapi"):
            self.destroy_guests()
        for daemon in reversed(self.DAEMONS):
            if daemon in self.processes:
                try:
                    self.kill(daemon, signal.SIGTERM)
                except subprocess.TimeoutExpired:
                    self.kill(daemon)
        if self.own_directory:
            shutil.rmtree(self.state, ignore_errors=True)

    def destroy_guests(self):
        client = self.client()
        for ref, vm in client.call("VM.get_all_records").items():
            if vm["power_state"] in ("Running", "Paused") and not vm["is_control_domain"]:
                try:
                    client.call("VM.hard_shutdown", ref)
                except ApiError as error:
                    print(f"guest {vm['name_label']} stays: {error}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_value(read, wanted, seconds=60, what="value"):
    """Reads until wanted(value) holds; the events of the API are tested elsewhere."""
    deadline = time.monotonic() + seconds
    while True:
        value = read()
        if wanted(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} is still {value!r} after {seconds} s")
        time.sleep(0.05)


class World:
    """What most tests begin with: an SR that is the default, and ways to make guests."""

    def __init__(self, host, sr_type=None):
        self.host = host
        self.client = host.client()
        call = self.client.call
        await_value(lambda: {sm["type"] for sm in call("SM.get_all_records").values()},
                    lambda types: "dummy" in types, what="list of storage drivers")
        await_value(lambda: call("network.get_all"), len, what="list of networks")
        kind = sr_type or ("dummy" if host.driver == "sim" else "file")
        config = {"location": str(host.state / "sr")} if kind == "file" else {}
        known = [ref for ref, sr in call("SR.get_all_records").items() if sr["type"] == kind]
        self.host_ref = call("host.get_all")[0]
        await_value(lambda: call("host.get_record", self.host_ref),
                    lambda host: host["enabled"] and "hypervisor" in host["software_version"], what="host")
        self.pool = call("pool.get_all")[0]
        self.sr = known[0] if known else call("SR.create", self.host_ref, config, "0", "local", "", kind,
                                              "user", False, {})
        call("pool.set_default_SR", self.pool, self.sr)
        call("pool.set_suspend_image_SR", self.pool, self.sr)

    def template(self, name="Other install media"):
        return self.client.call("VM.get_by_name_label", name)[0]

    def guest_network(self):
        if self.host.driver == "libxl":  # never one of this machine's own
            known = self.client.call("network.get_by_name_label", "tests")
            return known[0] if known else self.client.call("network.create", {
                "name_label": "tests", "name_description": "", "MTU": 1500, "other_config": {}})
        for ref, network in self.client.call("network.get_all_records").items():
            if "is_host_internal_management_network" not in network["other_config"]:
                return ref
        raise AssertionError("no network for guests")

    def disk(self, name="disk", size=16 << 20):
        return self.client.call("VDI.create", {
            "name_label": name, "name_description": "", "SR": self.sr, "virtual_size": size, "type": "user",
            "sharable": False, "read_only": False, "other_config": {}})

    def vbd(self, vm, vdi, device="autodetect", kind="Disk", mode="RW"):
        return self.client.call("VBD.create", {
            "VM": vm, "VDI": vdi, "userdevice": device, "bootable": False, "mode": mode, "type": kind,
            "empty": vdi == "OpaqueRef:NULL", "other_config": {}, "qos_algorithm_type": "",
            "qos_algorithm_params": {}})

    def vif(self, vm, device="0"):
        return self.client.call("VIF.create", {
            "VM": vm, "network": self.guest_network(), "device": device, "MAC": "", "MTU": 1500,
            "other_config": {}, "qos_algorithm_type": "", "qos_algorithm_params": {}})

    def install_kernel(self):
        """The small guest of the guest lane: an initrd with a shell and the guest agent.
        XCP_TEST_GUEST names a directory where it is made already."""
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
        made = pathlib.Path(os.environ.get("XCP_TEST_GUEST", cache / "kronos/test-guest"))
        if "XCP_TEST_GUEST" not in os.environ:
            subprocess.run([TOP / "tests/guest/make-test-guest", made], check=True)
        for name in ("vmlinuz", "initrd.img"):
            target = self.host.kernels / name
            if not target.exists():
                shutil.copy(made / name, target)

    def small_system(self, name):
        """A guest that boots the small system in about three seconds."""
        call = self.client.call
        self.install_kernel()
        vm = call("VM.clone", self.template("direct-kernel"), name)
        call("VM.set_PV_kernel", vm, str(self.host.kernels / "vmlinuz"))
        call("VM.set_PV_ramdisk", vm, str(self.host.kernels / "initrd.img"))
        if self.host.driver == "libxl":
            call("VM.set_domain_type", vm, "pv")
        call("VM.set_PV_args", vm, "console=hvc0" if self.host.driver == "libxl" else "console=ttyS0")
        call("VM.set_memory_limits", vm, 64 << 20, 128 << 20, 128 << 20, 128 << 20)
        return vm

    def await_agent(self, vm):
        """Until the guest's agent is there: from then on the guest does its part."""
        def agent_is_live():
            metrics = self.client.call("VM.get_guest_metrics", vm)
            return metrics != "OpaqueRef:NULL" and self.client.call("VM_guest_metrics.get_live", metrics)
        await_value(agent_is_live, bool, seconds=180, what="the guest's agent")

    def guest(self, name="guest", disks=1, vifs=1):
        call = self.client.call
        if self.host.driver == "sim":
            vm = call("VM.clone", self.template(), name)
        else:
            vm = self.small_system(name)
        settings = call("VM.get_other_config", vm)
        settings.pop("disks", None)
        call("VM.set_other_config", vm, settings)
        call("VM.provision", vm)
        for number in range(disks):
            self.vbd(vm, self.disk(f"{name} {number}"), str(number))
        for number in range(vifs):
            self.vif(vm, str(number))
        return vm
