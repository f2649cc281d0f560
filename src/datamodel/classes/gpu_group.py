# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class GPU_group as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "GPU_group",
    doc="Physical GPUs of the pool that can stand in for each other.",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("allocation_algorithm", doc="How the next virtual GPU picks a physical one.", values={
            "breadth_first": "The least used, so that each has the best performance.",
            "depth_first": "The most used that has room, so that others stay free.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the GPU group for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(RW, "name_label", "string", default="", path="name/label",
              doc="Name of the GPU group for people; two may have the same one."),
        field(RW, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the GPU group is for."),
        field(DYNAMIC_RO, "PGPUs", "PGPU ref set", derived="PGPU.GPU_group",
              doc="The physical GPUs in the group."),
        field(DYNAMIC_RO, "VGPUs", "VGPU ref set", derived="VGPU.GPU_group",
              doc="The virtual GPUs that may run on it."),
        field(DYNAMIC_RO, "GPU_types", "string set", default=[],
              doc="Vendor and device identifiers of what the group takes; a GPU of another kind "
                  "cannot join."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the GPU group by name; a key that nobody knows is kept "
                  "and does nothing."),
        field(RW, "allocation_algorithm", "enum allocation_algorithm", default="depth_first",
              since="vgpu-tech-preview",
              doc="How a physical GPU is picked when a virtual machine starts."),
        field(DYNAMIC_RO, "supported_VGPU_types", "VGPU_type ref set", since="vgpu-productisation",
              stored=True,
              doc="Virtual GPU types that at least one member can run."),
        field(DYNAMIC_RO, "enabled_VGPU_types", "VGPU_type ref set", since="vgpu-productisation",
              stored=True,
              doc="Virtual GPU types that at least one member may run."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Make an empty group.",
                params=[
                    param("name_label", "string", default="", doc="The name for people."),
                    param("name_description", "string", default="",
                          doc="The free text for people."),
                    param("other_config", "(string -> string) map", default={},
                          doc="The new object's further settings by name."),
                ],
                result="GPU_group ref", result_doc="The new group."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Remove a group that has no member and no virtual GPU.",
                params=[
                    param("self", "GPU_group ref", doc="The GPU group to remove."),
                ]),
        message("update_enabled_VGPU_types", roles=POOL_OPERATOR, since="vgpu-productisation",
                async_=True, hidden=True,
                doc="Compute enabled_VGPU_types from the members again.",
                params=[
                    param("self", "GPU_group ref", doc="The GPU group to act on."),
                ]),
        message("update_supported_VGPU_types", roles=POOL_OPERATOR, since="vgpu-productisation",
                async_=True, hidden=True,
                doc="Compute supported_VGPU_types from the members again.",
                params=[
                    param("self", "GPU_group ref", doc="The GPU group to act on."),
                ]),
        message("get_remaining_capacity", roles=READ_ONLY, since="vgpu-tech-preview", async_=True,
                doc="Tell how many more virtual GPUs of a type could start now.",
                params=[
                    param("self", "GPU_group ref", doc="The GPU group to read."),
                    param("vgpu_type", "VGPU_type ref", doc="The type of virtual GPU."),
                ],
                result="int", result_doc="That number, over all members of the group."),
    ],
)
