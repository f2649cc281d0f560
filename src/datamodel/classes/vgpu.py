# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VGPU as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field, message, param
from roles import LOCAL_ROOT, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VGPU",
    doc="",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the virtual GPU for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "VM", "VM ref",
              doc=""),
        field(DYNAMIC_RO, "GPU_group", "GPU_group ref",
              doc=""),
        field(DYNAMIC_RO, "device", "string", default="0",
              doc=""),
        field(DYNAMIC_RO, "currently_attached", "bool", default=False,
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the virtual GPU by name; a key that nobody knows is kept "
                  "and does nothing."),
        field(DYNAMIC_RO, "type", "VGPU_type ref", default="OpaqueRef:NULL",
              since="vgpu-tech-preview",
              doc=""),
        field(DYNAMIC_RO, "resident_on", "PGPU ref", default="OpaqueRef:NULL",
              since="vgpu-tech-preview",
              doc=""),
        field(DYNAMIC_RO, "scheduled_to_be_resident_on", "PGPU ref", default="OpaqueRef:NULL",
              since="dundee",
              doc=""),
        field(DYNAMIC_RO, "compatibility_metadata", "(string -> string) map", default={},
              since="inverness",
              doc=""),
        field(RW, "extra_args", "string", default="", since="quebec",
              doc=""),
        field(DYNAMIC_RO, "PCI", "PCI ref", default="OpaqueRef:NULL", since="quebec",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("VM", "VM ref", doc=""),
                    param("GPU_group", "GPU_group ref", doc=""),
                    param("device", "string", default="0", doc=""),
                    param("other_config", "(string -> string) map", default={},
                          doc="The new object's further settings by name."),
                    param("type", "VGPU_type ref", default="OpaqueRef:NULL", doc=""),
                ],
                result="VGPU ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "VGPU ref", doc="The virtual GPU to remove."),
                ]),
        message("atomic_set_resident_on", roles=LOCAL_ROOT, since="dundee", async_=True,
                hidden=True, pool_internal=True,
                doc="",
                params=[
                    param("self", "VGPU ref", doc="The virtual GPU to act on."),
                    param("value", "PGPU ref", doc=""),
                ]),
    ],
)
