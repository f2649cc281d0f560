# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class pool_patch as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "pool_patch",
    doc="",
    since="miami",
    deprecated="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("after_apply_guidance", doc="", values={
            "restartHVM": "",
            "restartPV": "",
            "restartHost": "",
            "restartXAPI": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the patch for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the patch for people; two may have the same one."),
        field(STATIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc="Free text that tells people what the patch is for."),
        field(STATIC_RO, "version", "string", default="",
              doc=""),
        field(DYNAMIC_RO, "filename", "string", default="", internal=True,
              doc=""),
        field(DYNAMIC_RO, "size", "int", default=0,
              doc=""),
        field(DYNAMIC_RO, "pool_applied", "bool", default=False,
              doc=""),
        field(DYNAMIC_RO, "host_patches", "host_patch ref set", derived="host_patch.pool_patch",
              doc=""),
        field(DYNAMIC_RO, "after_apply_guidance", "enum after_apply_guidance set", default=[],
              doc=""),
        field(STATIC_RO, "pool_update", "pool_update ref", default="OpaqueRef:NULL", since="ely",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the patch by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
    messages=[
        message("apply", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                    param("host", "host ref", doc=""),
                ],
                result="string", result_doc=""),
        message("pool_apply", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                ]),
        message("precheck", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                    param("host", "host ref", doc=""),
                ],
                result="string", result_doc=""),
        message("clean", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                ]),
        message("pool_clean", roles=POOL_OPERATOR, since="tampa", deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                ]),
        message("destroy", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to remove."),
                ]),
        message("clean_on_host", roles=POOL_OPERATOR, since="tampa", deprecated="ely", async_=True,
                doc="",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                    param("host", "host ref", doc=""),
                ]),
    ],
)
