# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "VM_metrics",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the VM metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "memory_actual", "int", path="memory/actual", persist=False,
              doc=""),
        field(DYNAMIC_RO, "VCPUs_number", "int", path="VCPUs/number",
              doc=""),
        field(DYNAMIC_RO, "VCPUs_CPU", "(int -> int) map", path="VCPUs/CPU", persist=False,
              doc=""),
        field(DYNAMIC_RO, "VCPUs_params", "(string -> string) map", path="VCPUs/params",
              persist=False,
              doc=""),
        field(DYNAMIC_RO, "VCPUs_flags", "(int -> string set) map", path="VCPUs/flags",
              persist=False,
              doc=""),
        field(DYNAMIC_RO, "state", "string set", persist=False,
              doc=""),
        field(DYNAMIC_RO, "start_time", "datetime",
              doc=""),
        field(DYNAMIC_RO, "install_time", "datetime",
              doc=""),
        field(DYNAMIC_RO, "last_updated", "datetime", persist=False,
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              persist=False,
              doc="Further settings of the VM metrics by name; a key that nobody knows is kept "
                  "and does nothing."),
        field(DYNAMIC_RO, "hvm", "bool", default=False, since="ely", persist=False,
              doc=""),
        field(DYNAMIC_RO, "nested_virt", "bool", default=False, since="ely", persist=False,
              doc=""),
        field(DYNAMIC_RO, "nomigrate", "bool", default=False, since="ely", persist=False,
              doc=""),
        field(DYNAMIC_RO, "current_domain_type", "enum domain_type", default="unspecified",
              since="jura", published="kolkata",
              doc=""),
        field(STATIC_RO, "numa_optimised", "bool", default=False, since="26.2.0", prototyped=True,
              doc=""),
        field(STATIC_RO, "numa_nodes", "int", default=0, since="26.2.0", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "numa_node_memory", "(int -> int) map", default={}, since="26.2.0",
              prototyped=True,
              doc=""),
    ],
    removed=["get_VCPUs_utilisation"],
)
