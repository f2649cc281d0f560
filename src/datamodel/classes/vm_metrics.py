# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "VM_metrics",
    doc="Figures of a virtual machine that change often, kept apart so that its own record stays "
        "quiet.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the VM metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "memory_actual", "int", path="memory/actual", persist=False,
              doc="Bytes of memory it has now."),
        field(DYNAMIC_RO, "VCPUs_number", "int", path="VCPUs/number",
              doc="How many virtual CPUs it has now."),
        field(DYNAMIC_RO, "VCPUs_CPU", "(int -> int) map", path="VCPUs/CPU", persist=False,
              doc="Processor that each virtual CPU runs on."),
        field(DYNAMIC_RO, "VCPUs_params", "(string -> string) map", path="VCPUs/params",
              persist=False,
              doc="Scheduling settings in force."),
        field(DYNAMIC_RO, "VCPUs_flags", "(int -> string set) map", path="VCPUs/flags",
              persist=False,
              doc="State of each virtual CPU: online, blocked, running."),
        field(DYNAMIC_RO, "state", "string set", persist=False,
              doc="State as the hypervisor says: running, blocked, paused, dying and the like."),
        field(DYNAMIC_RO, "start_time", "datetime",
              doc="When it started last."),
        field(DYNAMIC_RO, "install_time", "datetime",
              doc="When it was installed."),
        field(DYNAMIC_RO, "last_updated", "datetime", persist=False,
              doc="When these figures were taken."),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              persist=False,
              doc="Further settings of the VM metrics by name; a key that nobody knows is kept "
                  "and does nothing."),
        field(DYNAMIC_RO, "hvm", "bool", default=False, since="ely", persist=False,
              doc="True when it runs with hardware virtualisation."),
        field(DYNAMIC_RO, "nested_virt", "bool", default=False, since="ely", persist=False,
              doc="True when it runs virtual machines itself."),
        field(DYNAMIC_RO, "nomigrate", "bool", default=False, since="ely", persist=False,
              doc="True when it cannot move while it runs."),
        field(DYNAMIC_RO, "current_domain_type", "enum domain_type", default="unspecified",
              since="jura", published="kolkata",
              doc="Kind of domain it runs as; unspecified while halted."),
        field(STATIC_RO, "numa_optimised", "bool", default=False, since="26.2.0", prototyped=True,
              doc="True when it was put on few NUMA nodes."),
        field(STATIC_RO, "numa_nodes", "int", default=0, since="26.2.0", prototyped=True,
              doc="How many NUMA nodes its memory is on."),
        field(DYNAMIC_RO, "numa_node_memory", "(int -> int) map", default={}, since="26.2.0",
              prototyped=True,
              doc="Bytes on each NUMA node."),
    ],
    removed=["get_VCPUs_utilisation"],
)
