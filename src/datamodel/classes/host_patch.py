# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class host_patch as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "host_patch",
    doc="A patch of the old kind on one host; updates have taken its place.",
    since="rio",
    deprecated="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the patch on the host for ever: 36 characters, kept over restarts "
                  "and never used again."),
        field(STATIC_RO, "name_label", "string", default="", path="name/label",
              doc="Name of the patch on the host for people; two may have the same one."),
        field(STATIC_RO, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the patch on the host is for."),
        field(STATIC_RO, "version", "string",
              doc="Version of the patch."),
        field(STATIC_RO, "host", "host ref",
              doc="The host it is on."),
        field(DYNAMIC_RO, "filename", "string", internal=True,
              doc="Path of the patch on the host."),
        field(DYNAMIC_RO, "applied", "bool",
              doc="True when it has been applied."),
        field(DYNAMIC_RO, "timestamp_applied", "datetime",
              doc="When it was applied."),
        field(DYNAMIC_RO, "size", "int",
              doc="Bytes the patch takes."),
        field(STATIC_RO, "pool_patch", "pool_patch ref", default="OpaqueRef:NULL", since="miami",
              doc="The patch in the pool that this one comes from."),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc="Further settings of the patch on the host by name; a key that nobody knows is "
                  "kept and does nothing."),
    ],
    messages=[
        message("destroy", roles=POOL_OPERATOR, deprecated="miami", async_=True,
                doc="Delete the patch file from the host; what it changed stays.",
                params=[
                    param("self", "host_patch ref", doc="The patch on the host to remove."),
                ]),
        message("apply", roles=POOL_OPERATOR, deprecated="miami", async_=True,
                doc="Apply the patch to the host.",
                params=[
                    param("self", "host_patch ref", doc="The patch on the host to act on."),
                ],
                result="string", result_doc="What the patch printed."),
    ],
)
