# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class sr_stat as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, enum, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "sr_stat",
    doc="What a storage driver says about an SR as a whole; a value inside replies, not an "
        "object.",
    since="kolkata",
    published="lima",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    in_database=False,
    persist=False,
    events=False,
    enums=[
        enum("sr_health", doc="How an SR does.", values={
            "healthy": "All is well.",
            "recovering": "It works and is mending itself.",
            "unreachable": "The storage does not answer.",
            "unavailable": "The storage answers and cannot serve.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string option", published="lima",
              doc="Identifies the SR for ever: 36 characters, kept over restarts and never used "
                  "again."),
        field(DYNAMIC_RO, "name_label", "string", published="lima",
              doc="Name of the SR for people; two may have the same one."),
        field(DYNAMIC_RO, "name_description", "string", published="lima",
              doc="Free text that tells people what the SR is for."),
        field(DYNAMIC_RO, "free_space", "int", published="lima",
              doc="Bytes that are free."),
        field(DYNAMIC_RO, "total_space", "int", published="lima",
              doc="Bytes it has."),
        field(DYNAMIC_RO, "clustered", "bool", published="lima",
              doc="True when its hosts share locks through the cluster."),
        field(DYNAMIC_RO, "health", "enum sr_health", published="lima",
              doc="How it does."),
    ],
)
