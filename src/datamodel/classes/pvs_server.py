# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_server as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_server",
    doc="A machine that serves disks to the virtual machines of a PVS site.",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PVS server for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "addresses", "string set", default=[],
              doc="Its IPv4 addresses."),
        field(STATIC_RO, "first_port", "int", default=0,
              doc="First UDP port it answers on."),
        field(STATIC_RO, "last_port", "int", default=0,
              doc="Last UDP port it answers on."),
        field(STATIC_RO, "site", "PVS_site ref", default="OpaqueRef:NULL",
              doc="The site it belongs to."),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="Tell the pool of a server of a site.",
                params=[
                    param("addresses", "string set", doc="Its IPv4 addresses."),
                    param("first_port", "int", doc="First UDP port."),
                    param("last_port", "int", doc="Last UDP port."),
                    param("site", "PVS_site ref", doc="The site."),
                ],
                result="PVS_server ref", result_doc="The new server."),
        message("forget", roles=POOL_OPERATOR, async_=True,
                doc="Forget the server; it is not told.",
                params=[
                    param("self", "PVS_server ref", doc="The PVS server to remove."),
                ]),
    ],
)
