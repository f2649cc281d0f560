# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_guest_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "VM_guest_metrics",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    enums=[
        enum("tristate_type", doc="", values={
            "yes": "",
            "no": "",
            "unspecified": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the guest metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "os_version", "(string -> string) map",
              doc=""),
        field(DYNAMIC_RO, "netbios_name", "(string -> string) map", default={}, since="24.28.0",
              prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "PV_drivers_version", "(string -> string) map",
              doc=""),
        field(DYNAMIC_RO, "PV_drivers_up_to_date", "bool", deprecated="dundee",
              doc=""),
        field(DYNAMIC_RO, "networks", "(string -> string) map",
              doc=""),
        field(DYNAMIC_RO, "other", "(string -> string) map",
              doc=""),
        field(DYNAMIC_RO, "last_updated", "datetime",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the guest metrics by name; a key that nobody knows is "
                  "kept and does nothing."),
        field(DYNAMIC_RO, "live", "bool", default=False, since="orlando",
              doc=""),
        field(DYNAMIC_RO, "can_use_hotplug_vbd", "enum tristate_type", default="unspecified",
              since="dundee",
              doc=""),
        field(DYNAMIC_RO, "can_use_hotplug_vif", "enum tristate_type", default="unspecified",
              since="dundee",
              doc=""),
        field(DYNAMIC_RO, "PV_drivers_detected", "bool", default=False, since="dundee",
              doc=""),
        field(DYNAMIC_RO, "services", "(string -> string) map", default={}, since="25.15.0",
              prototyped=True,
              doc=""),
    ],
    removed=["get_memory", "get_disks"],
)
