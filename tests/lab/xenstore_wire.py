# SPDX-License-Identifier: GPL-2.0-or-later
# xenstore as dom0 speaks to it, a message each way over its socket: any bytes may be written, and many a
# second. What dom0 makes below a guest's own nodes is the guest's, without its quota.
import socket
import struct

SOCKET = "/run/xenstored/socket"
DIRECTORY, READ, WRITE, REMOVE, ERROR = 1, 2, 11, 13, 16
HEADER = struct.Struct("<IIII")  # type, request, transaction, length
MOST = 2048  # bytes of a value that xenstored takes from anybody
BATCH = 32  # messages under way: its answers must find room while we still write


class Refused(Exception):
    pass


class Xenstore:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(SOCKET)
        self.reader = self.socket.makefile("rb")

    def send(self, kind, *parts):
        body = b"\0".join(parts)
        self.socket.sendall(HEADER.pack(kind, 0, 0, len(body)) + body)

    def receive(self):
        kind, _, _, length = HEADER.unpack(self.reader.read(HEADER.size))
        body = self.reader.read(length)
        if kind == ERROR:
            raise Refused(body.rstrip(b"\0").decode())
        return body

    def call(self, kind, *parts):
        self.send(kind, *parts)
        return self.receive()

    def write(self, path, value):
        """The value is cut to what there is room for."""
        self.call(WRITE, path.encode(), value[:MOST])

    def write_many(self, pairs):
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start:start + BATCH]
            for path, value in batch:
                self.send(WRITE, path.encode(), value[:MOST])
            for _ in batch:
                self.receive()

    def read(self, path):
        return self.call(READ, path.encode(), b"")

    def list(self, path):
        return [name.decode() for name in self.call(DIRECTORY, path.encode(), b"").split(b"\0") if name]

    def remove(self, path):
        self.call(REMOVE, path.encode(), b"")

    def close(self):
        self.reader.close()
        self.socket.close()
