# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_proxy as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_proxy",
    doc="Lets a VIF read its PVS disk through a cache on the host.",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("pvs_proxy_status", doc="What a proxy does now.", values={
            "stopped": "It does not run.",
            "initialised": "It runs and has no client yet.",
            "caching": "It answers its client from the cache.",
            "incompatible_write_cache_mode": "It passes everything through, because the client "
                                             "writes in a mode that cannot be cached.",
            "incompatible_protocol_version": "It passes everything through, because the client "
                                             "speaks a version it does not know.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PVS proxy for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "site", "PVS_site ref", default="OpaqueRef:NULL",
              doc="The site it caches."),
        field(STATIC_RO, "VIF", "VIF ref", default="OpaqueRef:NULL",
              doc="The guest interface it serves."),
        field(DYNAMIC_RO, "currently_attached", "bool", default=False,
              doc="True while the virtual machine runs with it."),
        field(DYNAMIC_RO, "status", "enum pvs_proxy_status", default="stopped",
              doc="What it does now."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Give a VIF a proxy.",
                params=[
                    param("site", "PVS_site ref", doc="The site to cache."),
                    param("VIF", "VIF ref", doc="The first VIF of a virtual machine."),
                ],
                result="PVS_proxy ref", result_doc="The new proxy."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Take the proxy from its VIF.",
                params=[
                    param("self", "PVS_proxy ref", doc="The PVS proxy to remove."),
                ]),
    ],
)
