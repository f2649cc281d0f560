# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class data_source as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "data_source",
    doc="One figure that can be recorded about a host, VM or SR over time; a value inside "
        "replies, not an object.",
    since="orlando",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    in_database=False,
    persist=False,
    events=False,
    fields=[
        field(DYNAMIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the data source for people; two may have the same one."),
        field(DYNAMIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc="Free text that tells people what the data source is for."),
        field(DYNAMIC_RO, "enabled", "bool", since="rio",
              doc="True when the figure is being recorded."),
        field(DYNAMIC_RO, "standard", "bool", since="rio",
              doc="True when it is recorded unless somebody forbids it."),
        field(DYNAMIC_RO, "units", "string", since="rio",
              doc="The unit, such as B/s or percent as a fraction of 1."),
        field(DYNAMIC_RO, "min", "float", since="rio",
              doc="The least value it can have; minus infinity when there is no bound."),
        field(DYNAMIC_RO, "max", "float", since="rio",
              doc="The greatest value it can have; infinity when there is no bound."),
        field(DYNAMIC_RO, "value", "float", since="rio",
              doc="What it is now; NaN when not known."),
    ],
)
