# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PBD as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PBD",
    handled_accessors=["create", "destroy"],
    doc="How one host reaches one SR.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PBD for ever: 36 characters, kept over restarts and never used "
                  "again."),
        field(STATIC_RO, "host", "host ref",
              doc="The host."),
        field(STATIC_RO, "SR", "SR ref",
              doc="The SR."),
        field(STATIC_RO, "device_config", "(string -> string) map",
              doc="What the SR's driver needs, such as location, device or server; passwords are "
                  "kept as secrets."),
        field(DYNAMIC_RO, "currently_attached", "bool",
              doc="True while the SR is open on the host."),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc="Further settings of the PBD by name; a key that nobody knows is kept and does "
                  "nothing."),
    ],
    messages=[
        message("plug", handled=True, roles=POOL_OPERATOR, async_=True,
                doc="Open the SR on the host; nothing happens when it is open.",
                params=[
                    param("self", "PBD ref", doc="The PBD to act on."),
                ],
                errors=["SR_UNKNOWN_DRIVER"]),
        message("unplug", handled=True, roles=POOL_OPERATOR, async_=True,
                doc="Close the SR on the host; VDI_IN_USE when a disk on it is in use there.",
                params=[
                    param("self", "PBD ref", doc="The PBD to act on."),
                ]),
        message("set_device_config", handled=True, roles=POOL_OPERATOR, since="miami", async_=True,
                doc="Replace what the driver is told; the PBD must be unplugged.",
                params=[
                    param("self", "PBD ref", doc="The PBD to change."),
                    param("value", "(string -> string) map", doc="The new settings."),
                ]),
    ],
)
