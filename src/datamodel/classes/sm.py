# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class SM as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "SM",
    doc="A storage driver that is installed on the hosts.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("image_format_type", doc="Formats of disk images.", values={
            "raw": "The bytes of the disk as they are.",
            "vhd": "Virtual Hard Disk.",
            "qcow2": "QEMU copy on write, version 2.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the storage driver for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "name_label", "string", default="", path="name/label",
              doc="Name of the storage driver for people; two may have the same one."),
        field(DYNAMIC_RO, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the storage driver is for."),
        field(DYNAMIC_RO, "type", "string",
              doc="Type of SR that it drives, such as file or iso."),
        field(DYNAMIC_RO, "vendor", "string",
              doc="Who made it."),
        field(DYNAMIC_RO, "copyright", "string",
              doc="Its copyright line."),
        field(DYNAMIC_RO, "version", "string",
              doc="Its version."),
        field(DYNAMIC_RO, "required_api_version", "string",
              doc="Version of the storage interface it speaks."),
        field(DYNAMIC_RO, "configuration", "(string -> string) map",
              doc="Settings its PBDs take, each with what it means."),
        field(DYNAMIC_RO, "capabilities", "string set", default=[], since="miami",
              deprecated="clearwater",
              doc="Names of what it can do, such as VDI_SNAPSHOT."),
        field(DYNAMIC_RO, "features", "(string -> int) map", default={}, since="clearwater",
              doc="What it can do, with the version of each ability."),
        field(DYNAMIC_RO, "host_pending_features", "(host ref -> string set) map", default={},
              since="24.37.0", prototyped=True, internal=True,
              doc="Abilities that are on some hosts and not on all."),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc="Further settings of the storage driver by name; a key that nobody knows is "
                  "kept and does nothing."),
        field(DYNAMIC_RO, "driver_filename", "string", default="", since="orlando",
              doc="Path of the driver on the hosts."),
        field(DYNAMIC_RO, "required_cluster_stack", "string set", default=[], since="dundee",
              doc="Cluster stacks of which one must run; empty when it needs none."),
        field(DYNAMIC_RO, "supported_image_formats", "enum image_format_type set", default=[],
              since="26.15.0", prototyped=True,
              doc="Formats of disk images it can make, the usual one first."),
    ],
)
