# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PUSB as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "PUSB",
    doc="A USB device plugged into a host.",
    since="inverness",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the physical USB device for ever: 36 characters, kept over "
                  "restarts and never used again."),
        field(STATIC_RO, "USB_group", "USB_group ref", default="OpaqueRef:NULL",
              doc="The group it is in."),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL",
              doc="The host it is plugged into."),
        field(STATIC_RO, "path", "string", default="",
              doc="Its place, as bus, port and so on."),
        field(STATIC_RO, "vendor_id", "string", default="",
              doc="Identifier of the maker in hexadecimal."),
        field(STATIC_RO, "vendor_desc", "string", default="",
              doc="Name of the maker."),
        field(STATIC_RO, "product_id", "string", default="",
              doc="Identifier of the product in hexadecimal."),
        field(STATIC_RO, "product_desc", "string", default="",
              doc="Name of the product."),
        field(STATIC_RO, "serial", "string", default="",
              doc="Serial number; empty when it has none."),
        field(STATIC_RO, "version", "string", default="",
              doc="Version of USB that it speaks."),
        field(STATIC_RO, "description", "string", default="",
              doc="What it is, for people."),
        field(DYNAMIC_RO, "passthrough_enabled", "bool", default=False,
              doc="True when a guest may have it."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the physical USB device by name; a key that nobody knows "
                  "is kept and does nothing."),
        field(STATIC_RO, "speed", "float", default=-1.0, since="stockholm",
              doc="Speed in Mbit/s; -1 when unknown."),
    ],
    messages=[
        message("scan", roles=POOL_ADMIN, async_=True,
                doc="Look which USB devices the host has, and correct the objects.",
                params=[
                    param("host", "host ref", doc="The host."),
                ]),
        message("set_passthrough_enabled", roles=POOL_ADMIN, async_=True,
                doc="Say whether a guest may have the device; no running guest may use it now.",
                params=[
                    param("self", "PUSB ref", doc="The physical USB device to change."),
                    param("value", "bool", doc="True lets guests have it."),
                ]),
    ],
)
