# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_server as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_server",
    doc="",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PVS server for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "addresses", "string set", default=[],
              doc=""),
        field(STATIC_RO, "first_port", "int", default=0,
              doc=""),
        field(STATIC_RO, "last_port", "int", default=0,
              doc=""),
        field(STATIC_RO, "site", "PVS_site ref", default="OpaqueRef:NULL",
              doc=""),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("addresses", "string set", doc=""),
                    param("first_port", "int", doc=""),
                    param("last_port", "int", doc=""),
                    param("site", "PVS_site ref", doc=""),
                ],
                result="PVS_server ref", result_doc=""),
        message("forget", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "PVS_server ref", doc="The PVS server to remove."),
                ]),
    ],
)
