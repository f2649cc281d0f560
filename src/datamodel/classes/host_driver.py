# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Host_driver as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "Host_driver",
    doc="",
    since="25.2.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc="Identifies the driver for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "name", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "friendly_name", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "variants", "Driver_variant ref set", prototyped=True,
              derived="Driver_variant.driver",
              doc=""),
        field(DYNAMIC_RO, "active_variant", "Driver_variant ref", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "selected_variant", "Driver_variant ref", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "type", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "description", "string", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "info", "string", prototyped=True,
              doc=""),
    ],
    messages=[
        message("select", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="",
                params=[
                    param("self", "Host_driver ref", doc="The driver to act on."),
                    param("variant", "Driver_variant ref", doc=""),
                ]),
        message("deselect", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="",
                params=[
                    param("self", "Host_driver ref", doc="The driver to act on."),
                ]),
        message("rescan", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                ]),
    ],
)
