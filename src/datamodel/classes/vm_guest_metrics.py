# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_guest_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "VM_guest_metrics",
    doc="What the agent inside a guest reports.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    enums=[
        enum("tristate_type", doc="Yes, no, or nobody has said.", values={
            "yes": "Yes.",
            "no": "No.",
            "unspecified": "Nobody has said.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the guest metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "os_version", "(string -> string) map",
              doc="The guest's system by name: name, distro, major, minor, uname."),
        field(DYNAMIC_RO, "netbios_name", "(string -> string) map", default={}, since="24.28.0",
              prototyped=True,
              doc="Its Windows names: host_name, dns_domain and the like."),
        field(DYNAMIC_RO, "PV_drivers_version", "(string -> string) map",
              doc="Versions of its paravirtual drivers."),
        field(DYNAMIC_RO, "PV_drivers_up_to_date", "bool", deprecated="dundee",
              doc="True when such drivers are there; nobody compares versions."),
        field(DYNAMIC_RO, "networks", "(string -> string) map",
              doc="Its addresses, by place: 0/ip, 0/ipv4/0, 0/ipv6/0, where the first number is "
                  "the VIF's."),
        field(DYNAMIC_RO, "other", "(string -> string) map",
              doc="Anything else that it reports."),
        field(DYNAMIC_RO, "last_updated", "datetime",
              doc="When the agent reported last."),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the guest metrics by name; a key that nobody knows is "
                  "kept and does nothing."),
        field(DYNAMIC_RO, "live", "bool", default=False, since="orlando",
              doc="True while the agent answers."),
        field(DYNAMIC_RO, "can_use_hotplug_vbd", "enum tristate_type", default="unspecified",
              since="dundee",
              doc="Whether the guest takes disks while it runs."),
        field(DYNAMIC_RO, "can_use_hotplug_vif", "enum tristate_type", default="unspecified",
              since="dundee",
              doc="Whether the guest takes network interfaces while it runs."),
        field(DYNAMIC_RO, "PV_drivers_detected", "bool", default=False, since="dundee",
              doc="True when the guest uses a paravirtual device."),
        field(DYNAMIC_RO, "services", "(string -> string) map", default={}, since="25.15.0",
              prototyped=True,
              doc="What it says of services it offers."),
    ],
    removed=["get_memory", "get_disks"],
)
