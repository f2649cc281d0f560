# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VGPU as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field, message, param
from roles import LOCAL_ROOT, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VGPU",
    doc="A GPU, or a share of one, that a virtual machine has.",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the virtual GPU for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "VM", "VM ref",
              doc="The virtual machine."),
        field(DYNAMIC_RO, "GPU_group", "GPU_group ref",
              doc="The group whose members may run it."),
        field(DYNAMIC_RO, "device", "string", default="0",
              doc="Its number in the virtual machine."),
        field(DYNAMIC_RO, "currently_attached", "bool", default=False,
              doc="True while the virtual machine runs with it."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the virtual GPU by name; a key that nobody knows is kept "
                  "and does nothing."),
        field(DYNAMIC_RO, "type", "VGPU_type ref", default="OpaqueRef:NULL",
              since="vgpu-tech-preview",
              doc="What kind of virtual GPU it is."),
        field(DYNAMIC_RO, "resident_on", "PGPU ref", default="OpaqueRef:NULL",
              since="vgpu-tech-preview",
              doc="The physical GPU it runs on; null while it does not."),
        field(DYNAMIC_RO, "scheduled_to_be_resident_on", "PGPU ref", default="OpaqueRef:NULL",
              since="dundee",
              doc="The physical GPU set aside for it while its virtual machine starts or moves."),
        field(DYNAMIC_RO, "compatibility_metadata", "(string -> string) map", default={},
              since="inverness",
              doc="What decides where it can move while it runs."),
        field(RW, "extra_args", "string", default="", since="quebec",
              doc="Further settings of the maker's program."),
        field(DYNAMIC_RO, "PCI", "PCI ref", default="OpaqueRef:NULL", since="quebec",
              doc="The PCI function it has; null for none."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Give a virtual machine a GPU; the virtual machine must be halted.",
                params=[
                    param("VM", "VM ref", doc="The virtual machine."),
                    param("GPU_group", "GPU_group ref", doc="The group whose members may run it."),
                    param("device", "string", default="0",
                          doc="Its number in the virtual machine."),
                    param("other_config", "(string -> string) map", default={},
                          doc="The new object's further settings by name."),
                    param("type", "VGPU_type ref", default="OpaqueRef:NULL",
                          doc="What kind it shall be; null for a GPU as a whole."),
                ],
                result="VGPU ref", result_doc="The new virtual GPU."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Take the GPU from its virtual machine, which must be halted.",
                params=[
                    param("self", "VGPU ref", doc="The virtual GPU to remove."),
                ]),
        message("atomic_set_resident_on", roles=LOCAL_ROOT, since="dundee", async_=True,
                hidden=True, pool_internal=True,
                doc="Enter the physical GPU and drop what was set aside, in one step.",
                params=[
                    param("self", "VGPU ref", doc="The virtual GPU to act on."),
                    param("value", "PGPU ref", doc="The physical GPU; null for none."),
                ]),
    ],
)
