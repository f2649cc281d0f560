# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class host_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "host_metrics",
    doc="Figures of a host that change often, kept apart so that its own record stays quiet.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the host metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "memory_total", "int", path="memory/total",
              doc="Bytes of memory in the machine."),
        field(DYNAMIC_RO, "live", "bool",
              doc="True when the coordinator has heard from the host lately."),
        field(DYNAMIC_RO, "last_updated", "datetime",
              doc="When these figures were taken."),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the host metrics by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
    removed=["get_memory_free"],
)
