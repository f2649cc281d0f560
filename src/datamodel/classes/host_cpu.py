# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class host_cpu as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "host_cpu",
    doc="One logical processor of a host; the field cpu_info of host says the same for all.",
    since="rio",
    deprecated="midnight-ride",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the processor for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "host", "host ref",
              doc="The host it is part of."),
        field(DYNAMIC_RO, "number", "int",
              doc="Number of the processor, from 0."),
        field(DYNAMIC_RO, "vendor", "string",
              doc="Maker of the processor."),
        field(DYNAMIC_RO, "speed", "int",
              doc="Clock rate in MHz."),
        field(DYNAMIC_RO, "modelname", "string",
              doc="Name the maker gave it."),
        field(DYNAMIC_RO, "family", "int",
              doc="Family number of CPUID."),
        field(DYNAMIC_RO, "model", "int",
              doc="Model number of CPUID."),
        field(DYNAMIC_RO, "stepping", "string",
              doc="Stepping of CPUID."),
        field(DYNAMIC_RO, "flags", "string",
              doc="Features as the kernel names them, with spaces between."),
        field(DYNAMIC_RO, "features", "string",
              doc="CPUID feature words in hexadecimal."),
        field(DYNAMIC_RO, "utilisation", "float", persist=False,
              doc="How busy it is, from 0 to 1."),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the processor by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
)
