# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_proxy as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_proxy",
    doc="",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("pvs_proxy_status", doc="", values={
            "stopped": "",
            "initialised": "",
            "caching": "",
            "incompatible_write_cache_mode": "",
            "incompatible_protocol_version": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PVS proxy for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "site", "PVS_site ref", default="OpaqueRef:NULL",
              doc=""),
        field(STATIC_RO, "VIF", "VIF ref", default="OpaqueRef:NULL",
              doc=""),
        field(DYNAMIC_RO, "currently_attached", "bool", default=False,
              doc=""),
        field(DYNAMIC_RO, "status", "enum pvs_proxy_status", default="stopped",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("site", "PVS_site ref", doc=""),
                    param("VIF", "VIF ref", doc=""),
                ],
                result="PVS_proxy ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "PVS_proxy ref", doc="The PVS proxy to remove."),
                ]),
    ],
)
