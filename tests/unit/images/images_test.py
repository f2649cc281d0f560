#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# The image builder: what its disks and archives look like to a reader written from their formats, what
# its key depends on, and that it leaves nothing behind and says what is wrong when it cannot build.
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid
import zlib

sys.dont_write_bytecode = True
IMAGES = pathlib.Path(__file__).resolve().parents[3] / "templates" / "images"
PROGRAM = IMAGES / "build-image"
sys.path.insert(0, str(IMAGES))

import cpio  # noqa: E402
import disk  # noqa: E402

loader = importlib.machinery.SourceFileLoader("build_image", str(PROGRAM))
build_image = importlib.util.module_from_spec(importlib.util.spec_from_loader("build_image", loader))
loader.exec_module(build_image)

SEED = uuid.UUID("00000000-0000-4000-8000-000000000001")
GIB = 1 << 30


def read_gpt(image, header_sector):
    """(own sector, other sector, disk id, [(type, id, first, last, name)]) of one copy of the table;
    AssertionError where a checksum is wrong."""
    at = header_sector * 512
    (magic, revision, size, crc, _, own, other, first_usable, last_usable, disk_id, entries_at, count,
     entry_size, entries_crc) = struct.unpack_from("<8sIIIIQQQQ16sQIII", image, at)
    assert magic == b"EFI PART" and revision == 0x10000
    assert zlib.crc32(image[at:at + 16] + b"\0\0\0\0" + image[at + 20:at + size]) == crc
    table = image[entries_at * 512:entries_at * 512 + count * entry_size]
    assert zlib.crc32(table) == entries_crc
    rows = []
    for number in range(count):
        kind, own_id, first, last, _, name = struct.unpack_from("<16s16sQQQ72s", table,
                                                                number * entry_size)
        if any(kind):
            assert first_usable <= first <= last <= last_usable
            rows.append((uuid.UUID(bytes_le=kind), uuid.UUID(bytes_le=own_id), first, last,
                         name.decode("utf-16-le").rstrip("\0")))
    return own, other, uuid.UUID(bytes_le=disk_id), rows


class Disks(unittest.TestCase):
    def setUp(self):
        self.size = 256 * disk.MIB
        self.partitions = disk.layout(self.size, SEED)
        self.image = io.BytesIO(bytes(self.size))

    def test_partitions_follow_each_other_and_end_before_the_second_table(self):
        bios, efi, root = self.partitions
        self.assertEqual(bios.offset + bios.size, efi.offset)
        self.assertEqual(efi.offset + efi.size, root.offset)
        self.assertEqual(root.offset + root.size, self.size - disk.MIB)
        self.assertEqual(disk.layout(self.size, SEED), self.partitions)
        self.assertNotEqual(disk.layout(self.size, uuid.uuid4())[2].id, root.id)

    def test_sizes_that_cannot_be(self):
        for size in (0, 255 * disk.MIB, 256 * disk.MIB + 512):
            with self.assertRaises(ValueError):
                disk.layout(size, SEED)

    def test_both_copies_of_the_table(self):
        disk.write_gpt(self.image, self.size, SEED, self.partitions)
        image = self.image.getvalue()
        last = self.size // 512 - 1
        first_copy, second_copy = read_gpt(image, 1), read_gpt(image, last)
        self.assertEqual(first_copy[:3], (1, last, SEED))
        self.assertEqual(second_copy[:3], (last, 1, SEED))
        self.assertEqual(first_copy[3], second_copy[3])
        self.assertEqual([(kind, first * 512, (last + 1) * 512, name) for kind, _, first, last, name
                          in first_copy[3]],
                         [(p.type, p.offset, p.offset + p.size, p.name) for p in self.partitions])

    def test_protective_mbr(self):
        disk.write_gpt(self.image, self.size, SEED, self.partitions)
        image = self.image.getvalue()
        kind, first, count = image[450], *struct.unpack_from("<II", image, 454)
        self.assertEqual((kind, first, count), (0xEE, 1, self.size // 512 - 1))
        self.assertEqual(image[510:512], b"\x55\xaa")

    def test_boot_loader_is_chained_and_spares_the_partition_table(self):
        disk.write_gpt(self.image, self.size, SEED, self.partitions)
        before = self.image.getvalue()[440:512]
        core = bytes(range(256)) * 4
        disk.write_bios_grub(self.image, b"\x90" * 512, core, self.partitions[0])
        image = self.image.getvalue()
        first = disk.MIB // 512
        self.assertEqual(struct.unpack_from("<Q", image, 0x5C)[0], first)
        self.assertEqual(struct.unpack_from("<Q", image, disk.MIB + 500)[0], first + 1)
        self.assertEqual(image[disk.MIB + 512:disk.MIB + 1024], core[512:])
        self.assertEqual(image[440:512], before)

    def test_boot_loader_that_does_not_fit(self):
        with self.assertRaises(ValueError):
            disk.write_bios_grub(self.image, bytes(512), bytes(disk.MIB + 1), self.partitions[0])
        with self.assertRaises(ValueError):
            disk.write_bios_grub(self.image, bytes(511), bytes(512), self.partitions[0])


def read_cpio(data):
    """{name: (mode, content, device)} of a newc archive, which must be closed."""
    entries, at = {}, 0
    while True:
        assert data[at:at + 6] == b"070701"
        field = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + field[11] - 1].decode()
        start = (at + 110 + field[11] + 3) & ~3
        if name == "TRAILER!!!":
            assert (start + 3) & ~3 == len(data)
            return entries
        entries[name] = (field[1], data[start:start + field[6]], (field[9], field[10]))
        assert field[2] == field[3] == 0
        at = (start + field[6] + 3) & ~3


class Archives(unittest.TestCase):
    def test_every_kind_of_entry(self):
        out = io.BytesIO()
        archive = cpio.Archive(out)
        archive.directory("dev")
        archive.file("init", b"#!/bin/sh\n", 0o755)
        archive.file("empty", b"")
        archive.symlink("sh", "/bin/busybox")
        archive.character_device("dev/console", 5, 1)
        archive.close()
        self.assertEqual(read_cpio(out.getvalue()), {
            "dev": (0o040755, b"", (0, 0)),
            "init": (0o100755, b"#!/bin/sh\n", (0, 0)),
            "empty": (0o100644, b"", (0, 0)),
            "sh": (0o120777, b"/bin/busybox", (0, 0)),
            "dev/console": (0o020600, b"", (5, 1)),
        })

    def test_a_name_is_taken_once(self):
        archive = cpio.Archive(io.BytesIO())
        archive.directory("dev")
        self.assertIn("dev", archive)
        with self.assertRaises(ValueError):
            archive.symlink("dev", "elsewhere")


class Keys(unittest.TestCase):
    def test_options_and_every_file_of_the_recipe_count(self):
        with tempfile.TemporaryDirectory() as directory:
            recipe = pathlib.Path(directory)
            packages = recipe / "packages"
            packages.write_text("bash\n")

            def key(**options):
                return build_image.recipe_key(recipe, options)

            seen = [key(size=1), key(size=2)]
            packages.write_text("dash\n")
            seen.append(key(size=1))
            packages.chmod(0o755)
            seen.append(key(size=1))
            (recipe / "customize").touch()
            seen.append(key(size=1))
            self.assertEqual(key(size=1), seen[-1])
            self.assertEqual(len(set(seen)), len(seen))


class Program(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="images."))
        self.addCleanup(shutil.rmtree, self.directory)
        self.output = self.directory / "out"

    def run_it(self, *arguments, **environment):
        return subprocess.run([sys.executable, PROGRAM, *arguments], text=True, capture_output=True,
                              env={**os.environ, **environment}, timeout=60)

    def tools(self, script):
        """A directory in which every program that the builder needs is `script`."""
        place = self.directory / "tools"
        place.mkdir()
        for name in build_image.PROGRAMS:
            (place / name).write_text(f"#!/bin/sh\n{script}\n")
            (place / name).chmod(0o755)
        return f"{place}:{os.environ['PATH']}"

    def ready_image(self):
        """Makes the program believe that mini was built, by what it says a build leaves."""
        options = {"password": build_image.DEFAULT_PASSWORD, "ssh_key": ""}
        key = build_image.recipe_key(IMAGES / "mini", options)
        self.output.mkdir()
        for extension in ("vmlinuz", "initrd", "json"):
            (self.output / f"mini-{key}.{extension}").write_text(extension)
        return key

    def assert_one_line(self, result, text):
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stdout, "")
        last = result.stderr.strip().splitlines()[-1]
        self.assertTrue(last.startswith("build-image: "), last)
        self.assertIn(text, last)
        self.assertNotIn("Traceback", result.stderr)

    def test_what_is_there_is_not_built_again(self):
        key = self.ready_image()
        result = self.run_it("mini", "--output", self.output, PATH="")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.strip(), str(self.output.resolve() / f"mini-{key}.vmlinuz"))
        self.assertEqual(os.readlink(self.output / "mini.initrd"), f"mini-{key}.initrd")

    def test_prune_removes_older_builds_of_this_image_only(self):
        key = self.ready_image()
        for name in ("mini-0123456789ab.initrd", "mini-mine.txt", "other-0123456789ab.qcow2"):
            (self.output / name).touch()
        self.assertEqual(self.run_it("mini", "--output", self.output, "--prune").returncode, 0)
        left = {path.name for path in self.output.iterdir()}
        self.assertNotIn("mini-0123456789ab.initrd", left)
        self.assertLessEqual({f"mini-{key}.json", "mini-mine.txt", "other-0123456789ab.qcow2"}, left)

    @unittest.skipIf(os.geteuid() != 0, "only root gets as far")
    def test_missing_programs_are_named_with_their_packages(self):
        place = self.directory / "few"
        place.mkdir()
        (place / "apt-get").symlink_to("/bin/true")
        result = self.run_it("debian-12", "--output", self.output, PATH=str(place))
        self.assert_one_line(result, "mmdebstrap")
        self.assertRegex(result.stderr, r"apt-get install .*e2fsprogs.*mmdebstrap.*mtools.*qemu-utils")

    @unittest.skipIf(os.geteuid() != 0, "only root gets as far")
    def test_the_reason_of_a_failed_tool_is_told_and_nothing_stays(self):
        path = self.tools("echo 'I: trying...'; echo 'E: no such mirror'; exit 3")
        result = self.run_it("mini", "--output", self.output, PATH=path)
        self.assert_one_line(result, "E: no such mirror")
        self.assertEqual(list(self.output.iterdir()), [])

    @unittest.skipIf(os.geteuid() != 0, "only root gets as far")
    def test_killed_it_takes_its_tools_along(self):
        tools = self.directory / "tools"
        tools.mkdir()
        reached = self.directory / "reached"
        os.mkfifo(reached)
        (tools / "mmdebstrap").write_text(
            f"#!/bin/sh\nexec 9> {reached}\nexec cat /dev/zero > /dev/null\n")
        (tools / "mmdebstrap").chmod(0o755)
        process = subprocess.Popen([sys.executable, PROGRAM, "mini", "--output", self.output],
                                   env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(reached, "rb") as pipe:  # returns when the tool has opened its end
            process.send_signal(signal.SIGKILL)
            process.wait()
            # Its end closes when the last of the tools is dead.
            self.assertTrue(select.select([pipe], [], [], 20)[0])
            self.assertEqual(pipe.read(), b"")
        # The next run removes what this one left.
        (tools / "mmdebstrap").write_text("#!/bin/sh\necho 'E: no'\nexit 1\n")
        self.run_it("mini", "--output", self.output, PATH=f"{tools}:{os.environ['PATH']}")
        self.assertEqual(list(self.output.iterdir()), [])

    def test_arguments(self):
        for arguments in (["debian-12"], ["solaris", "--output", "x"],
                          ["debian-12", "--output", "x", "--size", "8"],
                          ["debian-12", "--output", "x", "--size", "512M"]):
            self.assertEqual(self.run_it(*arguments).returncode, 2)
        self.assert_one_line(self.run_it("mini", "--output", self.output, "--ssh-key", "/nowhere"),
                             "cannot read /nowhere")
        self.assert_one_line(self.run_it("mini", "--output", self.output, "--password", "a:b"),
                             "colon")
        self.assert_one_line(self.run_it("mini", "--output", "/proc/nowhere"), "/proc/nowhere")

    def test_sizes(self):
        self.assertEqual(build_image.parse_size("8G"), 8 * GIB)
        self.assertEqual(build_image.parse_size("2048MiB"), 2 * GIB)
        self.assertEqual(build_image.parse_size("1T"), 1024 * GIB)


class PvKernels(unittest.TestCase):
    """The hook that keeps kernels of the debian-12 image for GRUB in a pv guest of Xen."""

    HOOKS = IMAGES / "debian-12/overlay/etc/kernel"

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="images."))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "boot").mkdir()
        (self.root / "bin").mkdir()
        self.unpacker("cp $2 $3")

    def unpacker(self, script):
        program = self.root / "bin/lz4"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def kernel(self, name, payload, setup_sectors=3):
        data = bytearray((setup_sectors + 1) * 512 + 80)
        data[0x1f1] = setup_sectors
        struct.pack_into("<II", data, 0x248, 80, len(payload))
        (self.root / "boot" / name).write_bytes(data + payload + b"what follows")

    def link(self, name, kernel):
        (self.root / name).unlink(missing_ok=True)
        (self.root / name).symlink_to(f"boot/{kernel}")

    def run_hook(self, when="postinst.d"):
        return subprocess.run([self.HOOKS / when / "xen-pv", "6.1", "/boot/vmlinuz-6.1"],
                              capture_output=True, text=True,
                              env={"DPKG_ROOT": str(self.root),
                                   "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"})

    def made(self):
        return {path.name: path.read_bytes() for path in (self.root / "boot/xen-pv").iterdir()}

    def test_follows_the_links_as_kernels_come_and_go(self):
        first, second = b"\x02\x21\x4c\x18first", b"\x02\x21\x4c\x18the second"
        self.kernel("vmlinuz-1", first + b"SIZE")
        self.link("vmlinuz", "vmlinuz-1")
        self.link("vmlinuz.old", "vmlinuz-1")
        self.assertEqual(self.run_hook().stderr, "")
        self.assertEqual(self.made(), {"vmlinuz": first, "vmlinuz.old": first})
        self.kernel("vmlinuz-2", second + b"SIZE", setup_sectors=39)
        self.link("vmlinuz", "vmlinuz-2")
        self.assertEqual(self.run_hook().stderr, "")
        self.assertEqual(self.made(), {"vmlinuz": second, "vmlinuz.old": first})
        (self.root / "vmlinuz.old").unlink()
        self.assertEqual(self.run_hook("postrm.d").stderr, "")
        self.assertEqual(self.made(), {"vmlinuz": second})

    def test_a_kernel_that_grub_can_unpack_stays_as_it_is(self):
        self.kernel("vmlinuz-1", b"\xfd7zXZ\0 and so on")
        self.link("vmlinuz", "vmlinuz-1")
        self.assertEqual(self.run_hook().returncode, 0)
        self.assertEqual(self.made(), {"vmlinuz": (self.root / "boot/vmlinuz-1").read_bytes()})

    def test_a_failure_is_told_and_leaves_what_was_there(self):
        self.test_follows_the_links_as_kernels_come_and_go()
        before = self.made()
        self.unpacker("echo no space >&2; exit 1")
        failed = self.run_hook()
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("no space", failed.stderr)
        self.assertLessEqual(before.items(), self.made().items())


class Tools(unittest.TestCase):
    def test_a_tool_that_does_not_read_its_input_is_no_fault(self):
        read, write = os.pipe()
        os.close(read)
        build_image.feed(os.fdopen(write, "wb"), "deb mirror\n")

    def test_input_is_passed_whole(self):
        read, write = os.pipe()
        build_image.feed(os.fdopen(write, "wb"), "deb mirror\n")
        with os.fdopen(read, "rb") as pipe:
            self.assertEqual(pipe.read(), b"deb mirror\n")


class Descriptions(unittest.TestCase):
    def test_packages_of_a_root(self):
        with tempfile.TemporaryDirectory() as directory:
            status = pathlib.Path(directory, "var/lib/dpkg/status")
            status.parent.mkdir(parents=True)
            status.write_text("Package: bash\nStatus: ok\nDescription: a\n b\nVersion: 5.2\n\n"
                              "Package: dash\nVersion: 0.5\nDepends: x\n\n")
            self.assertEqual(build_image.installed_packages(pathlib.Path(directory)),
                             {"bash": "5.2", "dash": "0.5"})

    def test_publishing_is_complete_when_the_description_is_there(self):
        with tempfile.TemporaryDirectory() as directory:
            output = pathlib.Path(directory)
            work = output / ".work"
            work.mkdir()
            (work / "qcow2").write_text("disk")
            build = object.__new__(build_image.Build)
            build.args = build_image.argparse.Namespace(image="one", output=output)
            build.key, build.stem, build.work = "0123456789ab", "one-0123456789ab", work
            build.publish({"qcow2": work / "qcow2"}, {"virtual_size_bytes": 5})
            told = json.loads((output / "one.json").read_text())
            self.assertEqual((told["disk"], told["virtual_size_bytes"]), ("one-0123456789ab.qcow2", 5))
            self.assertEqual((output / "one.qcow2").read_text(), "disk")
            self.assertEqual(list(work.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
