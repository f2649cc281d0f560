# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class secret as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "secret",
    doc="A password or the like that other objects refer to, so that their records do not show "
        "it.",
    since="midnight-ride",
    reader_roles=POOL_OPERATOR,
    writer_roles=POOL_OPERATOR,
    events=False,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the secret for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "value", "string", since="rio",
              doc="The secret itself."),
        field(RW, "other_config", "(string -> string) map", default={}, since="rio",
              reader_roles=READ_ONLY,
              doc="Further settings of the secret by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, hidden=True, secret=True,
                doc="Make a secret with a UUID that is known already.",
                params=[
                    param("uuid", "string", doc="The UUID, which no other secret may have."),
                    param("value", "string", doc="The secret itself."),
                    param("other_config", "(string -> string) map", default={},
                          doc="The new object's further settings by name."),
                ],
                result="secret ref", result_doc="The new secret."),
    ],
)
