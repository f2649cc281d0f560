# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VUSB as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "VUSB",
    doc="A USB device that a virtual machine has.",
    since="inverness",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    enums=[
        enum("vusb_operations", doc="What can be done with a virtual USB device.", values={
            "attach": "It is connected while the virtual machine starts.",
            "plug": "It is connected to a running virtual machine.",
            "unplug": "It is disconnected from a running virtual machine.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the virtual USB device for ever: 36 characters, kept over restarts "
                  "and never used again."),
        field(DYNAMIC_RO, "allowed_operations", "enum vusb_operations set", default=[], since="rio",
              persist=False,
              doc="Operations the virtual USB device would accept now. Advice only: the state "
                  "may change before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum vusb_operations) map", default={},
              since="rio", persist=False,
              doc="Operations that run on the virtual USB device now, by the reference of the "
                  "task that runs them."),
        field(DYNAMIC_RO, "VM", "VM ref",
              doc="The virtual machine."),
        field(DYNAMIC_RO, "USB_group", "USB_group ref",
              doc="The group whose member it gets."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the virtual USB device by name; a key that nobody knows "
                  "is kept and does nothing."),
        field(DYNAMIC_RO, "currently_attached", "bool", default=False, since="rio",
              doc="True while it is connected to a running virtual machine."),
    ],
    messages=[
        message("create", roles=POOL_ADMIN, async_=True,
                doc="Give a virtual machine a USB device.",
                params=[
                    param("VM", "VM ref", doc="The virtual machine."),
                    param("USB_group", "USB_group ref", doc="The group whose member it shall get."),
                    param("other_config", "(string -> string) map", default={},
                          doc="The new object's further settings by name."),
                ],
                result="VUSB ref", result_doc="The new virtual device."),
        message("unplug", roles=POOL_ADMIN, async_=True,
                doc="Disconnect it from its running virtual machine.",
                params=[
                    param("self", "VUSB ref", doc="The virtual USB device to act on."),
                ]),
        message("destroy", roles=POOL_ADMIN, async_=True,
                doc="Take it from its virtual machine; it must not be connected.",
                params=[
                    param("self", "VUSB ref", doc="The virtual USB device to remove."),
                ]),
    ],
)
