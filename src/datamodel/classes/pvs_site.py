# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PVS_site as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PVS_site",
    doc="Virtual machines that start from disks served over the network, and what serves and "
        "caches these.",
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
              doc="Identifier that the PVS servers have for the site."),
        field(DYNAMIC_RO, "cache_storage", "PVS_cache_storage ref set", default=[],
              derived="PVS_cache_storage.site",
              doc="Where hosts keep what they cached."),
        field(DYNAMIC_RO, "servers", "PVS_server ref set", derived="PVS_server.site",
              doc="The servers of the site."),
        field(DYNAMIC_RO, "proxies", "PVS_proxy ref set", derived="PVS_proxy.site",
              doc="The proxies of guest interfaces."),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="Tell the pool of a site.",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                    param("PVS_uuid", "string",
                          doc="Identifier that the PVS servers have for it; may be empty."),
                ],
                result="PVS_site ref", result_doc="The new site."),
        message("forget", roles=POOL_OPERATOR, async_=True,
                doc="Forget a site that has no servers and no proxies.",
                params=[
                    param("self", "PVS_site ref", doc="The PVS site to remove."),
                ],
                errors=["PVS_SITE_CONTAINS_RUNNING_PROXIES", "PVS_SITE_CONTAINS_SERVERS"]),
        message("set_PVS_uuid", roles=POOL_OPERATOR, async_=True,
                doc="Change the identifier of the site.",
                params=[
                    param("self", "PVS_site ref", doc="The PVS site to change."),
                    param("value", "string", doc="The new identifier."),
                ]),
    ],
)
