# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class SDN_controller as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "SDN_controller",
    doc="A program that tells the pool's switches how to forward.",
    since="falcon",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("sdn_controller_protocol", doc="How the switches and the controller connect.", values={
            "ssl": "The switches call the controller, encrypted.",
            "pssl": "The controller calls the switches, encrypted.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the SDN controller for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "protocol", "enum sdn_controller_protocol", default="ssl",
              doc="How they connect."),
        field(STATIC_RO, "address", "string", default="",
              doc="Address of the controller; empty for pssl."),
        field(STATIC_RO, "port", "int", default=0,
              doc="TCP port of the controller; 0 for pssl."),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="Put the pool's switches under a controller; there can be one.",
                params=[
                    param("protocol", "enum sdn_controller_protocol", default="ssl",
                          doc="How they connect."),
                    param("address", "string", default="",
                          doc="Address of the controller; empty for pssl."),
                    param("port", "int", default=0, doc="TCP port; 0 for the usual one."),
                ],
                result="SDN_controller ref", result_doc="The new object."),
        message("forget", roles=POOL_OPERATOR, async_=True,
                doc="Let the switches forward by themselves again.",
                params=[
                    param("self", "SDN_controller ref", doc="The SDN controller to remove."),
                ]),
    ],
)
