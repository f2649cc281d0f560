# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class blob as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "blob",
    doc="",
    since="orlando",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc=""),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc=""),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc=""),
        field(DYNAMIC_RO, "size", "int", since="rio",
              doc=""),
        field(RW, "public", "bool", default=False, since="tampa",
              doc=""),
        field(STATIC_RO, "last_updated", "datetime", since="rio",
              doc=""),
        field(STATIC_RO, "mime_type", "string", since="rio",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("mime_type", "string", doc=""),
                    param("public", "bool", default=False, doc=""),
                ],
                result="blob ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "blob ref", doc=""),
                ]),
    ],
)
