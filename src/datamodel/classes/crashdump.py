# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class crashdump as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "crashdump",
    doc="",
    since="rio",
    deprecated="inverness",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc=""),
        field(STATIC_RO, "VM", "VM ref",
              doc=""),
        field(STATIC_RO, "VDI", "VDI ref",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc=""),
    ],
    messages=[
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "crashdump ref", doc=""),
                ]),
    ],
)
