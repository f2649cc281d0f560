# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class user as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "user",
    doc="A local user, kept for old clients; sessions of directory users have subjects instead.",
    since="rio",
    deprecated="george",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    events=False,
    get_all=False,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the user for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "short_name", "string",
              doc="Login name."),
        field(RW, "fullname", "string",
              doc="Name for people."),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the user by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
)
