# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class network_sriov as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "network_sriov",
    doc="",
    since="kolkata",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("sriov_configuration_mode", doc="", values={
            "sysfs": "",
            "modprobe": "",
            "manual": "",
            "unknown": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the SR-IOV network for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "physical_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc=""),
        field(STATIC_RO, "logical_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc=""),
        field(DYNAMIC_RO, "requires_reboot", "bool", default=False,
              doc=""),
        field(DYNAMIC_RO, "configuration_mode", "enum sriov_configuration_mode", default="unknown",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("pif", "PIF ref", doc=""),
                    param("network", "network ref", doc=""),
                ],
                result="network_sriov ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "network_sriov ref", doc="The SR-IOV network to remove."),
                ]),
        message("get_remaining_capacity", roles=READ_ONLY, async_=True,
                doc="",
                params=[
                    param("self", "network_sriov ref", doc="The SR-IOV network to read."),
                ],
                result="int", result_doc=""),
    ],
)
