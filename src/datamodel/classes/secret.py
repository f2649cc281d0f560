# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class secret as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "secret",
    doc="",
    since="midnight-ride",
    reader_roles=POOL_OPERATOR,
    writer_roles=POOL_OPERATOR,
    events=False,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc=""),
        field(RW, "value", "string", since="rio",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="rio",
              reader_roles=READ_ONLY,
              doc=""),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, hidden=True, secret=True,
                doc="",
                params=[
                    param("uuid", "string", doc=""),
                    param("value", "string", doc=""),
                    param("other_config", "(string -> string) map", default={}, doc=""),
                ],
                result="secret ref", result_doc=""),
    ],
)
