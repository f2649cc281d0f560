# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class GPU_group as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "GPU_group",
    doc="",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("allocation_algorithm", doc="", values={
            "breadth_first": "",
            "depth_first": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc=""),
        field(RW, "name_label", "string", default="", path="name/label",
              doc=""),
        field(RW, "name_description", "string", default="", path="name/description",
              doc=""),
        field(DYNAMIC_RO, "PGPUs", "PGPU ref set", derived="PGPU.GPU_group",
              doc=""),
        field(DYNAMIC_RO, "VGPUs", "VGPU ref set", derived="VGPU.GPU_group",
              doc=""),
        field(DYNAMIC_RO, "GPU_types", "string set", default=[],
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc=""),
        field(RW, "allocation_algorithm", "enum allocation_algorithm", default="depth_first",
              since="vgpu-tech-preview",
              doc=""),
        field(DYNAMIC_RO, "supported_VGPU_types", "VGPU_type ref set", since="vgpu-productisation",
              stored=True,
              doc=""),
        field(DYNAMIC_RO, "enabled_VGPU_types", "VGPU_type ref set", since="vgpu-productisation",
              stored=True,
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("name_label", "string", default="", doc=""),
                    param("name_description", "string", default="", doc=""),
                    param("other_config", "(string -> string) map", default={}, doc=""),
                ],
                result="GPU_group ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "GPU_group ref", doc=""),
                ]),
        message("update_enabled_VGPU_types", roles=POOL_OPERATOR, since="vgpu-productisation",
                async_=True, hidden=True,
                doc="",
                params=[
                    param("self", "GPU_group ref", doc=""),
                ]),
        message("update_supported_VGPU_types", roles=POOL_OPERATOR, since="vgpu-productisation",
                async_=True, hidden=True,
                doc="",
                params=[
                    param("self", "GPU_group ref", doc=""),
                ]),
        message("get_remaining_capacity", roles=READ_ONLY, since="vgpu-tech-preview", async_=True,
                doc="",
                params=[
                    param("self", "GPU_group ref", doc=""),
                    param("vgpu_type", "VGPU_type ref", doc=""),
                ],
                result="int", result_doc=""),
    ],
)
