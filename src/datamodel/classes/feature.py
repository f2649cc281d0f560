# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Feature as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "Feature",
    doc="Something a host can do or not do, switched by its operator.",
    since="falcon",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the feature for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the feature for people; two may have the same one."),
        field(STATIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc="Free text that tells people what the feature is for."),
        field(DYNAMIC_RO, "enabled", "bool", default=False,
              doc="True when the host does it."),
        field(STATIC_RO, "experimental", "bool", default=False,
              doc="True when it is not meant for production yet."),
        field(STATIC_RO, "version", "string", default="1.0",
              doc="Version of the feature."),
        field(DYNAMIC_RO, "host", "host ref",
              doc="The host it is about."),
    ],
)
