# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class host_cpu as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "host_cpu",
    doc="",
    since="rio",
    deprecated="midnight-ride",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the processor for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "host", "host ref",
              doc=""),
        field(DYNAMIC_RO, "number", "int",
              doc=""),
        field(DYNAMIC_RO, "vendor", "string",
              doc=""),
        field(DYNAMIC_RO, "speed", "int",
              doc=""),
        field(DYNAMIC_RO, "modelname", "string",
              doc=""),
        field(DYNAMIC_RO, "family", "int",
              doc=""),
        field(DYNAMIC_RO, "model", "int",
              doc=""),
        field(DYNAMIC_RO, "stepping", "string",
              doc=""),
        field(DYNAMIC_RO, "flags", "string",
              doc=""),
        field(DYNAMIC_RO, "features", "string",
              doc=""),
        field(DYNAMIC_RO, "utilisation", "float", persist=False,
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the processor by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
)
