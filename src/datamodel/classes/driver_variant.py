# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Driver_variant as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "Driver_variant",
    doc="One of several versions of a host's device driver, of which one is in use.",
    since="25.2.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc="Identifies the driver variant for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "name", "string", prototyped=True,
              doc="Name of the variant, unique within its driver."),
        field(DYNAMIC_RO, "driver", "Host_driver ref", prototyped=True,
              doc="The driver it is a version of."),
        field(DYNAMIC_RO, "version", "string", prototyped=True,
              doc="Version of the driver code."),
        field(DYNAMIC_RO, "hardware_present", "bool", prototyped=True,
              doc="True when the host has a device it serves."),
        field(DYNAMIC_RO, "priority", "float", prototyped=True,
              doc="Rank among the variants: that with the greatest number is chosen when nobody "
                  "chooses."),
        field(DYNAMIC_RO, "status", "string", prototyped=True,
              doc="How far it is supported: production, beta, alpha, or unsupported."),
    ],
    messages=[
        message("select", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Use this variant from the next restart of the host; others of the driver "
                    "are deselected.",
                params=[
                    param("self", "Driver_variant ref", doc="The driver variant to act on."),
                ]),
    ],
)
