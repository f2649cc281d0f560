# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Feature as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "Feature",
    doc="",
    since="falcon",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc=""),
        field(STATIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc=""),
        field(STATIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc=""),
        field(DYNAMIC_RO, "enabled", "bool", default=False,
              doc=""),
        field(STATIC_RO, "experimental", "bool", default=False,
              doc=""),
        field(STATIC_RO, "version", "string", default="1.0",
              doc=""),
        field(DYNAMIC_RO, "host", "host ref",
              doc=""),
    ],
)
