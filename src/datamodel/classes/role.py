# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class role as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "role",
    doc="",
    since="midnight-ride",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the role for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "name_label", "string", default="", path="name/label",
              doc="Name of the role for people; two may have the same one."),
        field(STATIC_RO, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the role is for."),
        field(STATIC_RO, "subroles", "role ref set", default=[], stored=True,
              doc=""),
        field(DYNAMIC_RO, "is_internal", "bool", default=False, since="22.5.0",
              doc=""),
    ],
    messages=[
        message("get_permissions", roles=READ_ONLY,
                doc="",
                params=[
                    param("self", "role ref", doc="The role to read."),
                ],
                result="role ref set", result_doc=""),
        message("get_permissions_name_label", roles=READ_ONLY,
                doc="",
                params=[
                    param("self", "role ref", doc="The role to read."),
                ],
                result="string set", result_doc=""),
        message("get_by_permission", roles=READ_ONLY,
                doc="",
                params=[
                    param("permission", "role ref", doc=""),
                ],
                result="role ref set", result_doc=""),
        message("get_by_permission_name_label", roles=READ_ONLY,
                doc="",
                params=[
                    param("label", "string", doc=""),
                ],
                result="role ref set", result_doc=""),
    ],
)
