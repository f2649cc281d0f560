# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class crashdump as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "crashdump",
    doc="The memory of a guest at the moment it crashed, kept on a disk.",
    since="rio",
    deprecated="inverness",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the crash dump for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "VM", "VM ref",
              doc="The virtual machine that crashed."),
        field(STATIC_RO, "VDI", "VDI ref",
              doc="The disk with the dump."),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc="Further settings of the crash dump by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
    messages=[
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Remove the dump together with its disk.",
                params=[
                    param("self", "crashdump ref", doc="The crash dump to remove."),
                ]),
    ],
)
