# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab host for ./kronos bench xen: how long the same small pv guest takes to start by our xl, by
# the distribution's and by xe, and how long xapi is away when it is started anew beside ten guests, on Xen and on
# sim. One JSON text a line on standard output: {"row": name, "ours": [seconds], "theirs": [seconds]}; all else goes
# to standard error.
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
os.environ["XCP_BUILD"] = str(BUILD)
sys.path.insert(0, str(HERE.parent / "lab"))

from xenhost import OUR_XL, TEST, THEIR_XL, Installed, World, run  # noqa: E402

import host as api_host  # noqa: E402  (xenhost says where it is)

ROUNDS = 9
GUESTS = 10
RESTARTS = 5
BRIDGE = "benchbr0"
NAME = "bench-xl"
UUID = "7c2b9a10-0000-4000-8000-000000000001"
SIM_UNIT = "bench-xapi"
# Programs of the installed host where those of a build are.
PROGRAMS = {"src/xapi/xapi": "/usr/sbin/xapi", "src/authd/xcp-authd": "/usr/sbin/xcp-authd",
            "src/sm/xcp-storaged": "/usr/sbin/xcp-storaged", "ovs-integration/xcp-networkd": "/usr/sbin/xcp-networkd",
            "src/hypervisor/daemon/xcp-hypervisord": "/usr/sbin/xcp-hypervisord",
            "lib/xcp/hypervisor": "/usr/lib/xcp/hypervisor"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def timed(*words, environment=None):
    began = time.monotonic()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, **(environment or {})})
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return seconds


def put(row, ours, theirs):
    print(json.dumps({"row": row, "ours": ours, "theirs": theirs}), flush=True)


# ---- starting -----------------------------------------------------------------------------------


def config(directory, image, image_format):
    path = directory / "bench.cfg"
    path.write_text(f'name = "{NAME}"\nuuid = "{UUID}"\ntype = "pv"\nmemory = 128\nvcpus = 1\n'
                    f'kernel = "{TEST}/vmlinuz"\nramdisk = "{TEST}/initrd.img"\nextra = "console=hvc0"\n'
                    f"disk = ['format={image_format},vdev=xvda,access=rw,backendtype=qdisk,target={image}']\n"
                    f"vif = ['bridge={BRIDGE},mac=00:16:3e:55:00:01']\nvfb = ['vnc=1,vnclisten=127.0.0.1']\n")
    return path


def xl_create(program, path):
    seconds = timed(program, "create", path)
    run(THEIR_XL, "destroy", NAME)
    return seconds


def xe_start(world, vm):
    seconds = timed("xe", "vm-start", f"uuid={world.uuid(vm)}")
    if world.client.call("VM.get_power_state", vm) != "Running":
        raise RuntimeError("xe vm-start ended before the guest ran")
    world.client.call("VM.hard_shutdown", vm)
    return seconds


def image_of(host, world, vm):
    """What the guest's disk is in."""
    call = world.client.call
    [vbd] = call("VM.get_VBDs", vm)
    source = host.ask("xcp-storaged", "vdi_source", call("SR.get_uuid", world.sr),
                      call("VDI.get_uuid", call("VBD.get_VDI", vbd)))
    return pathlib.Path(source["path"]), source["format"]


def bench_starts(host, world, directory):
    vm = world.guest("bench")
    image, image_format = image_of(host, world, vm)
    copy = directory / f"disk.{image_format}"
    copy.write_bytes(image.read_bytes())
    path = config(directory, copy, image_format)
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    try:
        run("ip", "link", "set", BRIDGE, "up")
        times = {"ours": [], "theirs": [], "xe": []}
        for number in range(ROUNDS + 1):
            took = {"ours": xl_create(OUR_XL, path), "theirs": xl_create(THEIR_XL, path), "xe": xe_start(world, vm)}
            say(f"{number}: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()))
            if number:  # the first is not counted
                for name, seconds in took.items():
                    times[name].append(seconds)
    finally:
        run("ip", "link", "delete", BRIDGE)
    put("xl create", times["ours"], times["theirs"])
    put("xe vm-start", times["xe"], times["theirs"])


# ---- xapi started anew --------------------------------------------------------------------------


def seconds_away(unit, guests, environment=None):
    """From the order to start it anew until xe lists the running guests."""
    began = time.monotonic()
    run("systemctl", "restart", unit)
    while True:
        done = subprocess.run(["xe", "vm-list", "power-state=running", "is-control-domain=false", "--minimal"],
                              capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})})
        if done.returncode == 0 and len([uuid for uuid in done.stdout.strip().split(",") if uuid]) >= guests:
            return time.monotonic() - began
        if time.monotonic() - began > 120:
            raise RuntimeError(f"{unit} lists {done.stdout!r} {done.stderr!r}")


def start_guests(world):
    for number in range(GUESTS):
        vm = world.guest(f"bench {number}")
        world.client.call("VM.start", vm, False, False)
        if world.host.driver != "sim":
            world.await_agent(vm)
    say(f"{GUESTS} guests run on {world.host.driver}")


def sim_host():
    for name, program in PROGRAMS.items():
        place = BUILD / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(program)
    host = api_host.Host("sim")
    host.start(*[daemon for daemon in host.DAEMONS if daemon != "xapi"])
    # As the installed one, so that both are started by the same hand.
    run("systemd-run", "--collect", f"--unit={SIM_UNIT}", "--property=Type=notify", *host.command("xapi"))
    return host


def bench_restarts(world):
    sim = sim_host()
    try:
        start_guests(api_host.World(sim))
        start_guests(world)
        environment = {"XE_SOCKET": str(sim.socket("xapi"))}
        times = ([], [])
        for number in range(RESTARTS + 1):
            took = (seconds_away("xapi", GUESTS), seconds_away(SIM_UNIT, GUESTS, environment))
            say(f"{number}: xapi away {took[0]:.2f} s on Xen, {took[1]:.2f} s on sim")
            if number:
                for kept, seconds in zip(times, took):
                    kept.append(seconds)
        world.client.close()
        world.client.login("root", "")
    finally:
        run("systemctl", "stop", SIM_UNIT)
        sim.close()
    put("xapi restart", *times)


def main():
    host = Installed()
    world = World(host)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-xen-", dir="/var/tmp") as directory:
            bench_starts(host, world, pathlib.Path(directory))
        bench_restarts(world)
    finally:
        world.close()
        host.close()


if __name__ == "__main__":
    main()
