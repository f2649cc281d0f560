# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class pool_update as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "pool_update",
    doc="",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("update_after_apply_guidance", doc="", values={
            "restartHVM": "",
            "restartPV": "",
            "restartHost": "",
            "restartXAPI": "",
        }),
        enum("livepatch_status", doc="", values={
            "ok_livepatch_complete": "",
            "ok_livepatch_incomplete": "",
            "ok": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the update for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the update for people; two may have the same one."),
        field(STATIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc="Free text that tells people what the update is for."),
        field(STATIC_RO, "version", "string", default="",
              doc=""),
        field(STATIC_RO, "installation_size", "int", default=0,
              doc=""),
        field(STATIC_RO, "key", "string", default="",
              doc=""),
        field(STATIC_RO, "after_apply_guidance", "enum update_after_apply_guidance set", default=[],
              doc=""),
        field(STATIC_RO, "vdi", "VDI ref", since="rio",
              doc=""),
        field(DYNAMIC_RO, "hosts", "host ref set", derived="host.updates",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={}, since="inverness",
              doc="Further settings of the update by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(STATIC_RO, "enforce_homogeneity", "bool", default=False, since="inverness",
              doc=""),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("vdi", "VDI ref", doc=""),
                ],
                result="pool_update ref", result_doc=""),
        message("precheck", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                    param("host", "host ref", doc=""),
                ],
                result="enum livepatch_status", result_doc=""),
        message("apply", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                    param("host", "host ref", doc=""),
                ]),
        message("pool_apply", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                ]),
        message("pool_clean", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                ]),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to remove."),
                ]),
        message("attach", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                    param("use_localhost_proxy", "bool", default=False, doc=""),
                ],
                result="string", result_doc=""),
        message("detach", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                ]),
        message("resync_host", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                ]),
    ],
)
