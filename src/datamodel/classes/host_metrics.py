# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class host_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "host_metrics",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the host metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "memory_total", "int", path="memory/total",
              doc=""),
        field(DYNAMIC_RO, "live", "bool",
              doc=""),
        field(DYNAMIC_RO, "last_updated", "datetime",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the host metrics by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
    removed=["get_memory_free"],
)
