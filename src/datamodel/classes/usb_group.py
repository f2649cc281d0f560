# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class USB_group as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "USB_group",
    doc="USB devices of the pool that can stand in for each other.",
    since="inverness",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the USB group for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(RW, "name_label", "string", default="", path="name/label",
              doc="Name of the USB group for people; two may have the same one."),
        field(RW, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the USB group is for."),
        field(DYNAMIC_RO, "PUSBs", "PUSB ref set", derived="PUSB.USB_group",
              doc="The devices in the group."),
        field(DYNAMIC_RO, "VUSBs", "VUSB ref set", derived="VUSB.USB_group",
              doc="The virtual devices that may use it."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the USB group by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
    messages=[
        message("create", roles=POOL_ADMIN, async_=True,
                doc="Make an empty group.",
                params=[
                    param("name_label", "string", default="", doc="The name for people."),
                    param("name_description", "string", default="",
                          doc="The free text for people."),
                    param("other_config", "(string -> string) map", default={},
                          doc="The new object's further settings by name."),
                ],
                result="USB_group ref", result_doc="The new group."),
        message("destroy", roles=POOL_ADMIN, async_=True,
                doc="Remove a group that has no device and no virtual device.",
                params=[
                    param("self", "USB_group ref", doc="The USB group to remove."),
                ]),
    ],
)
