# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_cache_storage as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_cache_storage",
    doc="The place where a host keeps what it cached of a PVS site.",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PVS cache for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL",
              doc="The host that caches."),
        field(STATIC_RO, "SR", "SR ref", default="OpaqueRef:NULL",
              doc="The SR that holds the cache; the host must reach it."),
        field(STATIC_RO, "site", "PVS_site ref", default="OpaqueRef:NULL",
              doc="The site whose disks are cached."),
        field(STATIC_RO, "size", "int", default=21474836480,
              doc="Bytes the cache may take."),
        field(DYNAMIC_RO, "VDI", "VDI ref", default="OpaqueRef:NULL",
              doc="The disk of the cache; null until it is needed."),
    ],
)
