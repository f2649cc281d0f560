# SPDX-License-Identifier: GPL-2.0-or-later
# The peer of ./kronos bench vm: an embedded libvirt of its own, doing what `virsh create` does with
# one connection that is open already, so that no start of a process and no look at QEMU's
# capabilities is in the time. Lines on standard input: "create FILE" is answered with the seconds
# until the domain ran, "destroy UUID" with "gone". Run by the distribution's interpreter, which has the
# libvirt module.
import sys
import threading
import time

import libvirt


def run_events():
    while True:
        libvirt.virEventRunDefaultImpl()


def create(connection, path):
    with open(path, encoding="utf-8") as file:
        xml = file.read()
    start = time.monotonic()
    domain = connection.createXML(xml, 0)
    while domain.state()[0] != libvirt.VIR_DOMAIN_RUNNING:
        continue
    return f"{time.monotonic() - start:.6f}"


def main():
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=run_events, daemon=True).start()
    connection = libvirt.open(f"qemu:///embed?root={sys.argv[1]}")
    print("ready", flush=True)
    for line in sys.stdin:
        command, argument = line.split()
        if command == "create":
            print(create(connection, argument), flush=True)
        else:
            connection.lookupByUUIDString(argument).destroy()
            print("gone", flush=True)


if __name__ == "__main__":
    main()
