# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class USB_group as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "USB_group",
    doc="",
    since="inverness",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc=""),
        field(RW, "name_label", "string", default="", path="name/label",
              doc=""),
        field(RW, "name_description", "string", default="", path="name/description",
              doc=""),
        field(DYNAMIC_RO, "PUSBs", "PUSB ref set", derived="PUSB.USB_group",
              doc=""),
        field(DYNAMIC_RO, "VUSBs", "VUSB ref set", derived="VUSB.USB_group",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_ADMIN, async_=True,
                doc="",
                params=[
                    param("name_label", "string", default="", doc=""),
                    param("name_description", "string", default="", doc=""),
                    param("other_config", "(string -> string) map", default={}, doc=""),
                ],
                result="USB_group ref", result_doc=""),
        message("destroy", roles=POOL_ADMIN, async_=True,
                doc="",
                params=[
                    param("self", "USB_group ref", doc=""),
                ]),
    ],
)
