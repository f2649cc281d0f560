# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_site as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_site",
    doc="",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PVS site for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "name_label", "string", default="", path="name/label",
              doc="Name of the PVS site for people; two may have the same one."),
        field(RW, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the PVS site is for."),
        field(STATIC_RO, "PVS_uuid", "string", default="",
              doc=""),
        field(DYNAMIC_RO, "cache_storage", "PVS_cache_storage ref set", default=[],
              derived="PVS_cache_storage.site",
              doc=""),
        field(DYNAMIC_RO, "servers", "PVS_server ref set", derived="PVS_server.site",
              doc=""),
        field(DYNAMIC_RO, "proxies", "PVS_proxy ref set", derived="PVS_proxy.site",
              doc=""),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                    param("PVS_uuid", "string", doc=""),
                ],
                result="PVS_site ref", result_doc=""),
        message("forget", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "PVS_site ref", doc="The PVS site to remove."),
                ],
                errors=["PVS_SITE_CONTAINS_RUNNING_PROXIES", "PVS_SITE_CONTAINS_SERVERS"]),
        message("set_PVS_uuid", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "PVS_site ref", doc="The PVS site to change."),
                    param("value", "string", doc=""),
                ]),
    ],
)
