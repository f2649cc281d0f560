# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class SDN_controller as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "SDN_controller",
    doc="",
    since="falcon",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("sdn_controller_protocol", doc="", values={
            "ssl": "",
            "pssl": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the SDN controller for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "protocol", "enum sdn_controller_protocol", default="ssl",
              doc=""),
        field(STATIC_RO, "address", "string", default="",
              doc=""),
        field(STATIC_RO, "port", "int", default=0,
              doc=""),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("protocol", "enum sdn_controller_protocol", default="ssl", doc=""),
                    param("address", "string", default="", doc=""),
                    param("port", "int", default=0, doc=""),
                ],
                result="SDN_controller ref", result_doc=""),
        message("forget", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "SDN_controller ref", doc="The SDN controller to remove."),
                ]),
    ],
)
