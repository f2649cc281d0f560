# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class role as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "role",
    doc="A named set of permissions that can be given to users; permissions are roles without "
        "subroles.",
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
              doc="Roles and permissions that are part of it."),
        field(DYNAMIC_RO, "is_internal", "bool", default=False, since="22.5.0",
              doc="True when it cannot be given to users."),
    ],
    messages=[
        message("get_permissions", handled=True, roles=READ_ONLY,
                doc="List the permissions of a role, also those of its subroles.",
                params=[
                    param("self", "role ref", doc="The role to read."),
                ],
                result="role ref set", result_doc="The permissions."),
        message("get_permissions_name_label", handled=True, roles=READ_ONLY,
                doc="List the names of the permissions of a role, also those of its subroles.",
                params=[
                    param("self", "role ref", doc="The role to read."),
                ],
                result="string set", result_doc="Names such as vm.start."),
        message("get_by_permission", handled=True, roles=READ_ONLY,
                doc="List the roles that have a permission.",
                params=[
                    param("permission", "role ref", doc="The permission."),
                ],
                result="role ref set", result_doc="Those roles."),
        message("get_by_permission_name_label", handled=True, roles=READ_ONLY,
                doc="List the roles that have a permission of a name.",
                params=[
                    param("label", "string", doc="The permission's name, such as vm.start."),
                ],
                result="role ref set", result_doc="Those roles."),
    ],
)
