# SPDX-License-Identifier: GPL-2.0-or-later
"""A writer for the archive format that the kernel takes as an initramfs ("newc" cpio).

Every entry belongs to root. Parent directories are not made by themselves: add them first.
"""
import stat

_ALIGN = 4


class Archive:
    """Entries go into the binary file `out` in the order they are added; close() ends the archive."""

    def __init__(self, out):
        self._out = out
        self._inode = 0
        self._names = set()

    def directory(self, name, permissions=0o755):
        self._entry(name, stat.S_IFDIR | permissions, b"")

    def file(self, name, content, permissions=0o644):
        self._entry(name, stat.S_IFREG | permissions, content)

    def symlink(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, name, major, minor, permissions=0o600):
        self._entry(name, stat.S_IFCHR | permissions, b"", (major, minor))

    def __contains__(self, name):
        return name in self._names

    def close(self):
        self._entry("TRAILER!!!", 0, b"")

    def _entry(self, name, mode, content, device=(0, 0)):
        if name in self._names:
            raise ValueError(f"{name} is in the archive already")
        self._names.add(name)
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._out.write(head + bytes(-len(head) % _ALIGN))
        self._out.write(content + bytes(-len(content) % _ALIGN))
