# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VLAN as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VLAN",
    doc="",
    since="miami",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the VLAN for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "tagged_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc=""),
        field(DYNAMIC_RO, "untagged_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc=""),
        field(STATIC_RO, "tag", "int", default=-1,
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the VLAN by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
    messages=[
        message("pool_introduce", roles=POOL_OPERATOR, since="inverness", async_=True, hidden=True,
                doc="",
                params=[
                    param("tagged_PIF", "PIF ref", doc=""),
                    param("untagged_PIF", "PIF ref", doc=""),
                    param("tag", "int", doc=""),
                    param("other_config", "(string -> string) map",
                          doc="The new object's further settings by name."),
                ],
                result="VLAN ref", result_doc=""),
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("tagged_PIF", "PIF ref", doc=""),
                    param("tag", "int", doc=""),
                    param("network", "network ref", doc=""),
                ],
                result="VLAN ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "VLAN ref", doc="The VLAN to remove."),
                ]),
    ],
)
