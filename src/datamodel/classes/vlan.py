# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VLAN as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VLAN",
    doc="Tagged traffic on one PIF, seen as an interface of its own.",
    since="miami",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the VLAN for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "tagged_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF that carries the tagged traffic."),
        field(DYNAMIC_RO, "untagged_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF that stands for the VLAN."),
        field(STATIC_RO, "tag", "int", default=-1,
              doc="The VLAN tag, 0 to 4094."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the VLAN by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
    messages=[
        message("pool_introduce", roles=POOL_OPERATOR, since="inverness", async_=True, hidden=True,
                doc="Enter a VLAN into the database of the pool that its host joins.",
                params=[
                    param("tagged_PIF", "PIF ref", doc="The PIF that carries it."),
                    param("untagged_PIF", "PIF ref", doc="The PIF that stands for it."),
                    param("tag", "int", doc="The tag."),
                    param("other_config", "(string -> string) map",
                          doc="The new object's further settings by name."),
                ],
                result="VLAN ref", result_doc="The new VLAN."),
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Make a VLAN on a PIF and put it on a network.",
                params=[
                    param("tagged_PIF", "PIF ref",
                          doc="A PIF that is no VLAN, no tunnel and in no bond."),
                    param("tag", "int", doc="The tag, 0 to 4094."),
                    param("network", "network ref",
                          doc="The network; the host may have no other PIF on it."),
                ],
                result="VLAN ref", result_doc="The new VLAN."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Remove the VLAN and the PIF that stands for it.",
                params=[
                    param("self", "VLAN ref", doc="The VLAN to remove."),
                ]),
    ],
)
