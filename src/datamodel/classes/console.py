# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class console as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "console",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    create_destroy=True,
    enums=[
        enum("console_protocol", doc="", values={
            "vt100": "",
            "rfb": "",
            "rdp": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc=""),
        field(DYNAMIC_RO, "protocol", "enum console_protocol",
              doc=""),
        field(DYNAMIC_RO, "location", "string",
              doc=""),
        field(DYNAMIC_RO, "VM", "VM ref",
              doc=""),
        field(RW, "other_config", "(string -> string) map",
              doc=""),
        field(RW, "port", "int", internal=True,
              doc=""),
    ],
)
