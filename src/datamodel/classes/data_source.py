# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class data_source as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "data_source",
    doc="",
    since="orlando",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    in_database=False,
    persist=False,
    events=False,
    fields=[
        field(DYNAMIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc=""),
        field(DYNAMIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc=""),
        field(DYNAMIC_RO, "enabled", "bool", since="rio",
              doc=""),
        field(DYNAMIC_RO, "standard", "bool", since="rio",
              doc=""),
        field(DYNAMIC_RO, "units", "string", since="rio",
              doc=""),
        field(DYNAMIC_RO, "min", "float", since="rio",
              doc=""),
        field(DYNAMIC_RO, "max", "float", since="rio",
              doc=""),
        field(DYNAMIC_RO, "value", "float", since="rio",
              doc=""),
    ],
)
