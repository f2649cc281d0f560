# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class network_sriov as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "network_sriov",
    doc="A PIF whose card gives guests virtual functions of its own.",
    since="kolkata",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("sriov_configuration_mode", doc="How virtual functions are switched on.", values={
            "sysfs": "By a file in /sys, at once.",
            "modprobe": "By an option of the driver, from the next restart on.",
            "manual": "By somebody else.",
            "unknown": "Nobody has found out yet.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the SR-IOV network for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "physical_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF of the card."),
        field(STATIC_RO, "logical_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF that stands for its virtual functions."),
        field(DYNAMIC_RO, "requires_reboot", "bool", default=False,
              doc="True when they appear only after a restart of the host."),
        field(DYNAMIC_RO, "configuration_mode", "enum sriov_configuration_mode", default="unknown",
              doc="How they were switched on."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Switch on the virtual functions of a card and put them on a network.",
                params=[
                    param("pif", "PIF ref",
                          doc="The PIF of the card; it must be physical and have the capability "
                              "sriov."),
                    param("network", "network ref", doc="A network without PIFs of another kind."),
                ],
                result="network_sriov ref", result_doc="The new object."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Switch the virtual functions of the card off.",
                params=[
                    param("self", "network_sriov ref", doc="The SR-IOV network to remove."),
                ]),
        message("get_remaining_capacity", roles=READ_ONLY, async_=True,
                doc="Tell how many more VIFs could have a virtual function now.",
                params=[
                    param("self", "network_sriov ref", doc="The SR-IOV network to read."),
                ],
                result="int", result_doc="That number."),
    ],
)
