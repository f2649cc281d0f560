# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Host_driver as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "Host_driver",
    doc="A device driver of a host of which several variants are installed.",
    since="25.2.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc="Identifies the driver for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL", prototyped=True,
              doc="The host it is on."),
        field(DYNAMIC_RO, "name", "string", prototyped=True,
              doc="Name of the driver, as the kernel module."),
        field(DYNAMIC_RO, "friendly_name", "string", prototyped=True,
              doc="Name of the driver for people."),
        field(DYNAMIC_RO, "variants", "Driver_variant ref set", prototyped=True,
              derived="Driver_variant.driver",
              doc="The versions that are installed."),
        field(DYNAMIC_RO, "active_variant", "Driver_variant ref", prototyped=True,
              doc="The version in use now; null when none is."),
        field(DYNAMIC_RO, "selected_variant", "Driver_variant ref", prototyped=True,
              doc="The version that the next restart will use; null: the system chooses."),
        field(DYNAMIC_RO, "type", "string", prototyped=True,
              doc="Kind of device it drives, such as network or storage."),
        field(DYNAMIC_RO, "description", "string", prototyped=True,
              doc="What it drives, for people."),
        field(DYNAMIC_RO, "info", "string", prototyped=True,
              doc="Where to read more about it."),
    ],
    messages=[
        message("select", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Use a variant from the next restart of the host.",
                params=[
                    param("self", "Host_driver ref", doc="The driver to act on."),
                    param("variant", "Driver_variant ref", doc="A variant of this driver."),
                ]),
        message("deselect", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Leave the choice of the variant to the system from the next restart on.",
                params=[
                    param("self", "Host_driver ref", doc="The driver to act on."),
                ]),
        message("rescan", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Look again which drivers and variants a host has.",
                params=[
                    param("host", "host ref", doc="The host."),
                ]),
    ],
)
