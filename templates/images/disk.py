# SPDX-License-Identifier: GPL-2.0-or-later
"""A bootable disk in a plain file, laid out without mounting it and without a loop device.

The disk has a GPT with three partitions: the BIOS boot partition (GRUB's core image), the EFI system
partition, and the root partition, which is last so that it can grow with the disk. All sizes and
offsets are bytes and multiples of the sector.
"""
import dataclasses
import struct
import uuid
import zlib

SECTOR = 512
MIB = 1024 * 1024
ENTRY_COUNT = 128
ENTRY_SIZE = 128
ENTRY_SECTORS = ENTRY_COUNT * ENTRY_SIZE // SECTOR

TYPE_BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")
TYPE_EFI_SYSTEM = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
TYPE_ROOT_X86_64 = uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")

# Where GRUB's first stages expect the numbers that its own installer would write.
BOOT_IMG_CODE_END = 440            # the disk signature and the partition table follow
BOOT_IMG_CORE_SECTOR = 0x5C        # u64: first sector of the core image
CORE_IMG_REST_SECTOR = 512 - 12    # u64: first sector of what follows the core's own first sector


@dataclasses.dataclass(frozen=True)
class Partition:
    name: str
    type: uuid.UUID
    id: uuid.UUID
    offset: int
    size: int


def layout(disk_size, seed):
    """The three partitions (bios, efi, root) of a disk of `disk_size` bytes. `seed`, a UUID, decides
    the partitions' own identifiers, so that the same recipe gives the same disk."""
    if disk_size % MIB or disk_size < 256 * MIB:
        raise ValueError("the disk must be a whole number of MiB, at least 256")

    def partition(name, kind, start_mib, end_mib):
        return Partition(name, kind, uuid.uuid5(seed, name), start_mib * MIB,
                         (end_mib - start_mib) * MIB)

    return (partition("bios", TYPE_BIOS_BOOT, 1, 2),
            partition("efi", TYPE_EFI_SYSTEM, 2, 34),
            partition("root", TYPE_ROOT_X86_64, 34, disk_size // MIB - 1))


def _header(disk_id, own, other, entries_at, last, table):
    def pack(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, own, other,
                           2 + ENTRY_SECTORS, last - 1 - ENTRY_SECTORS, disk_id.bytes_le,
                           entries_at, ENTRY_COUNT, ENTRY_SIZE, zlib.crc32(table))
    return pack(zlib.crc32(pack(0)))


def write_gpt(disk, disk_size, disk_id, partitions):
    """Writes the protective MBR and both copies of the table into the open file `disk`."""
    last = disk_size // SECTOR - 1
    table = b"".join(
        struct.pack("<16s16sQQQ72s", p.type.bytes_le, p.id.bytes_le, p.offset // SECTOR,
                    (p.offset + p.size) // SECTOR - 1, 0, p.name.encode("utf-16-le"))
        for p in partitions).ljust(ENTRY_COUNT * ENTRY_SIZE, b"\0")
    protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1,
                             min(last, 0xFFFFFFFF))
    disk.seek(BOOT_IMG_CODE_END + 6)
    disk.write(protective.ljust(64, b"\0") + b"\x55\xaa")
    disk.seek(SECTOR)
    disk.write(_header(disk_id, 1, last, 2, last, table))
    disk.seek(2 * SECTOR)
    disk.write(table)
    disk.seek((last - ENTRY_SECTORS) * SECTOR)
    disk.write(table)
    disk.seek(last * SECTOR)
    disk.write(_header(disk_id, last, 1, last - ENTRY_SECTORS, last, table))


def write_bios_grub(disk, boot_img, core_img, partition):
    """Puts GRUB's boot sector and its core image (bytes, as grub-mkimage makes it) on the disk."""
    if len(boot_img) != SECTOR:
        raise ValueError("GRUB's boot.img is not one sector")
    if len(core_img) > partition.size:
        raise ValueError("GRUB's core image does not fit into the BIOS boot partition")
    first = partition.offset // SECTOR
    boot, core = bytearray(boot_img), bytearray(core_img)
    struct.pack_into("<Q", boot, BOOT_IMG_CORE_SECTOR, first)
    struct.pack_into("<Q", core, CORE_IMG_REST_SECTOR, first + 1)
    disk.seek(0)
    disk.write(boot[:BOOT_IMG_CODE_END])
    disk.seek(partition.offset)
    disk.write(core)
