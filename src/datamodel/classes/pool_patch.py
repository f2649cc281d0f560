# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class pool_patch as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "pool_patch",
    doc="A patch of the old kind; updates have taken its place.",
    since="miami",
    deprecated="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("after_apply_guidance", doc="What to restart once a patch has been applied.", values={
            "restartHVM": "Virtual machines with their own firmware.",
            "restartPV": "Paravirtual machines.",
            "restartHost": "The host.",
            "restartXAPI": "The toolstack.",
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
              doc="Version of the patch."),
        field(DYNAMIC_RO, "filename", "string", default="", internal=True,
              doc="Path of the patch on the coordinator."),
        field(DYNAMIC_RO, "size", "int", default=0,
              doc="Bytes the patch takes."),
        field(DYNAMIC_RO, "pool_applied", "bool", default=False,
              doc="True when every host has it."),
        field(DYNAMIC_RO, "host_patches", "host_patch ref set", derived="host_patch.pool_patch",
              doc="The patch on each host that has it."),
        field(DYNAMIC_RO, "after_apply_guidance", "enum after_apply_guidance set", default=[],
              doc="What to restart once it has been applied."),
        field(STATIC_RO, "pool_update", "pool_update ref", default="OpaqueRef:NULL", since="ely",
              doc="The update that the patch was made from."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the patch by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
    messages=[
        message("apply", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="Apply the patch to one host.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                    param("host", "host ref", doc="The host."),
                ],
                result="string", result_doc="What the patch printed."),
        message("pool_apply", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="Apply the patch to every host that lacks it.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                ]),
        message("precheck", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="Tell whether the patch could be applied to a host.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                    param("host", "host ref", doc="The host."),
                ],
                result="string", result_doc="What the check printed."),
        message("clean", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="Delete the patch's file from the coordinator.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                ]),
        message("pool_clean", roles=POOL_OPERATOR, since="tampa", deprecated="ely", async_=True,
                doc="Delete the patch's file from every host.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                ]),
        message("destroy", roles=POOL_OPERATOR, deprecated="ely", async_=True,
                doc="Remove the patch everywhere; it must not be applied on any host.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to remove."),
                ]),
        message("clean_on_host", roles=POOL_OPERATOR, since="tampa", deprecated="ely", async_=True,
                doc="Delete the patch's file from one host.",
                params=[
                    param("self", "pool_patch ref", doc="The patch to act on."),
                    param("host", "host ref", doc="The host."),
                ]),
    ],
)
