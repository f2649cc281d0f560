# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_group as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "VM_group",
    doc="Virtual machines that are placed with an eye on each other.",
    since="24.19.1",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    create_destroy=True,
    enums=[
        enum("placement_policy", doc="How the members of a group are spread.", values={
            "anti_affinity": "Over as many hosts as possible.",
            "normal": "In no particular way.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the VM group for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the VM group for people; two may have the same one."),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc="Free text that tells people what the VM group is for."),
        field(STATIC_RO, "placement", "enum placement_policy", default="normal", prototyped=True,
              doc="How its members are spread when they start."),
        field(DYNAMIC_RO, "VMs", "VM ref set", prototyped=True, derived="VM.groups",
              doc="The virtual machines in it."),
    ],
)
