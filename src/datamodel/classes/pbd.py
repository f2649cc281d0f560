# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PBD as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PBD",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PBD for ever: 36 characters, kept over restarts and never used "
                  "again."),
        field(STATIC_RO, "host", "host ref",
              doc=""),
        field(STATIC_RO, "SR", "SR ref",
              doc=""),
        field(STATIC_RO, "device_config", "(string -> string) map",
              doc=""),
        field(DYNAMIC_RO, "currently_attached", "bool",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc="Further settings of the PBD by name; a key that nobody knows is kept and does "
                  "nothing."),
    ],
    messages=[
        message("plug", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "PBD ref", doc="The PBD to act on."),
                ],
                errors=["SR_UNKNOWN_DRIVER"]),
        message("unplug", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "PBD ref", doc="The PBD to act on."),
                ]),
        message("set_device_config", roles=POOL_OPERATOR, since="miami", async_=True,
                doc="",
                params=[
                    param("self", "PBD ref", doc="The PBD to change."),
                    param("value", "(string -> string) map", doc=""),
                ]),
    ],
)
