# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Bond as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Bond",
    doc="Several PIFs of one host that act as a single faster or safer one, the bond's master.",
    since="miami",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("bond_mode", doc="How a bond spreads traffic over its members.", values={
            "balance-slb": "Each source address keeps to one member; moved from time to time to "
                           "even out the load.",
            "active-backup": "One member carries everything; another takes over when its link "
                             "fails.",
            "lacp": "The switch and the host agree on an 802.3ad aggregate, so that all members "
                    "carry traffic.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the bond for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "master", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF that stands for the whole bond; networks and addresses are set on it."),
        field(DYNAMIC_RO, "slaves", "PIF ref set", derived="PIF.bond_slave_of",
              doc="The PIFs that are tied together; while they are, none has an address of its "
                  "own."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the bond by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(DYNAMIC_RO, "primary_slave", "PIF ref", default="OpaqueRef:NULL", since="boston",
              doc="The member whose MAC address and IP settings the bond took when it was made."),
        field(DYNAMIC_RO, "mode", "enum bond_mode", default="balance-slb", since="boston",
              doc="How the traffic is spread over the members."),
        field(DYNAMIC_RO, "properties", "(string -> string) map", default={}, since="tampa",
              doc="Settings of the mode, such as hashing_algorithm for lacp."),
        field(DYNAMIC_RO, "links_up", "int", default=0, since="tampa",
              doc="How many members have a link now."),
        field(DYNAMIC_RO, "auto_update_mac", "bool", default=True, since="quebec",
              doc="True when the bond's MAC address follows that of the primary member."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Tie PIFs of one host together and bring the bond up; their settings move to "
                    "the bond's master.",
                params=[
                    param("network", "network ref",
                          doc="The network the bond's master shall be on."),
                    param("members", "PIF ref set",
                          doc="At least one PIF, all of the same host, none of them a VLAN or in "
                              "another bond."),
                    param("MAC", "string",
                          doc="The MAC address of the bond; empty for that of the primary member."),
                    param("mode", "enum bond_mode", default="balance-slb",
                          doc="How to spread the traffic."),
                    param("properties", "(string -> string) map", default={},
                          doc="Settings of the mode."),
                ],
                result="Bond ref", result_doc="The new bond."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Take the bond apart; the settings of its master go back to the primary "
                    "member.",
                params=[
                    param("self", "Bond ref", doc="The bond to remove."),
                ]),
        message("set_mode", roles=POOL_OPERATOR, since="boston", async_=True,
                doc="Change how traffic is spread, at once and without taking the bond down for "
                    "long.",
                params=[
                    param("self", "Bond ref", doc="The bond to change."),
                    param("value", "enum bond_mode", doc="The new mode."),
                ]),
        message("set_property", roles=POOL_OPERATOR, since="tampa", async_=True,
                doc="Change one setting of the mode.",
                params=[
                    param("self", "Bond ref", doc="The bond to change."),
                    param("name", "string", doc="The setting, such as hashing_algorithm."),
                    param("value", "string", doc="Its new value."),
                ]),
    ],
)
