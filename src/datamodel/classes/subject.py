# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class subject as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "subject",
    doc="A user or group of the directory service that may log in, with its roles.",
    since="george",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the subject for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "subject_identifier", "string", default="",
              doc="Identifier that the directory service has for it."),
        field(STATIC_RO, "other_config", "(string -> string) map", default={},
              doc="Further settings of the subject by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(DYNAMIC_RO, "roles", "role ref set",
              default=["OpaqueRef:0165f154-ba3e-034e-6b27-5d271af109ba"], since="midnight-ride",
              stored=True,
              doc="Its roles; one without any cannot log in."),
    ],
    messages=[
        message("add_to_roles", handled=True, roles=POOL_ADMIN, since="midnight-ride",
                doc="Give the user or group one more role.",
                params=[
                    param("self", "subject ref", doc="The subject to change."),
                    param("role", "role ref", doc="The role; ROLE_ALREADY_EXISTS when it has it."),
                ]),
        message("remove_from_roles", handled=True, roles=POOL_ADMIN, since="midnight-ride",
                doc="Take a role away; sessions that had it end or lose it.",
                params=[
                    param("self", "subject ref", doc="The subject to change."),
                    param("role", "role ref", doc="The role."),
                ]),
        message("get_permissions_name_label", handled=True, roles=READ_ONLY, since="midnight-ride",
                doc="List the names of the permissions its roles give.",
                params=[
                    param("self", "subject ref", doc="The subject to read."),
                ],
                result="string set", result_doc="Names such as vm.start."),
    ],
)
