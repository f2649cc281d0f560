# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Bond as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Bond",
    doc="",
    since="miami",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("bond_mode", doc="", values={
            "balance-slb": "",
            "active-backup": "",
            "lacp": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc=""),
        field(STATIC_RO, "master", "PIF ref", default="OpaqueRef:NULL",
              doc=""),
        field(DYNAMIC_RO, "slaves", "PIF ref set", derived="PIF.bond_slave_of",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc=""),
        field(DYNAMIC_RO, "primary_slave", "PIF ref", default="OpaqueRef:NULL", since="boston",
              doc=""),
        field(DYNAMIC_RO, "mode", "enum bond_mode", default="balance-slb", since="boston",
              doc=""),
        field(DYNAMIC_RO, "properties", "(string -> string) map", default={}, since="tampa",
              doc=""),
        field(DYNAMIC_RO, "links_up", "int", default=0, since="tampa",
              doc=""),
        field(DYNAMIC_RO, "auto_update_mac", "bool", default=True, since="quebec",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("network", "network ref", doc=""),
                    param("members", "PIF ref set", doc=""),
                    param("MAC", "string", doc=""),
                    param("mode", "enum bond_mode", default="balance-slb", doc=""),
                    param("properties", "(string -> string) map", default={}, doc=""),
                ],
                result="Bond ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "Bond ref", doc=""),
                ]),
        message("set_mode", roles=POOL_OPERATOR, since="boston", async_=True,
                doc="",
                params=[
                    param("self", "Bond ref", doc=""),
                    param("value", "enum bond_mode", doc=""),
                ]),
        message("set_property", roles=POOL_OPERATOR, since="tampa", async_=True,
                doc="",
                params=[
                    param("self", "Bond ref", doc=""),
                    param("name", "string", doc=""),
                    param("value", "string", doc=""),
                ]),
    ],
)
