# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Driver_variant as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "Driver_variant",
    doc="",
    since="25.2.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "name", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "driver", "Host_driver ref", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "version", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "hardware_present", "bool", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "priority", "float", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "status", "string", prototyped=True,
              doc=""),
    ],
    messages=[
        message("select", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="",
                params=[
                    param("self", "Driver_variant ref", doc=""),
                ]),
    ],
)
