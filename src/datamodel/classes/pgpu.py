# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PGPU as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PGPU",
    doc="",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the physical GPU for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "PCI", "PCI ref", default="OpaqueRef:NULL",
              doc=""),
        field(STATIC_RO, "GPU_group", "GPU_group ref", default="OpaqueRef:NULL",
              doc=""),
        field(DYNAMIC_RO, "host", "host ref", default="OpaqueRef:NULL",
              doc=""),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the physical GPU by name; a key that nobody knows is kept "
                  "and does nothing."),
        field(DYNAMIC_RO, "supported_VGPU_types", "VGPU_type ref set", since="vgpu-tech-preview",
              stored=True,
              doc=""),
        field(DYNAMIC_RO, "enabled_VGPU_types", "VGPU_type ref set", since="vgpu-tech-preview",
              stored=True,
              doc=""),
        field(DYNAMIC_RO, "resident_VGPUs", "VGPU ref set", since="vgpu-tech-preview",
              derived="VGPU.resident_on",
              doc=""),
        field(STATIC_RO, "size", "int", default=1048576, since="vgpu-tech-preview", internal=True,
              doc=""),
        field(DYNAMIC_RO, "supported_VGPU_max_capacities", "(VGPU_type ref -> int) map", default={},
              since="vgpu-productisation",
              doc=""),
        field(DYNAMIC_RO, "dom0_access", "enum pci_dom0_access", default="enabled", since="cream",
              deprecated="24.14.0",
              doc=""),
        field(DYNAMIC_RO, "is_system_display_device", "bool", default=False, since="cream",
              doc=""),
        field(DYNAMIC_RO, "compatibility_metadata", "(string -> string) map", default={},
              since="inverness",
              doc=""),
    ],
    messages=[
        message("add_enabled_VGPU_types", roles=POOL_OPERATOR, since="vgpu-tech-preview",
                async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to change."),
                    param("value", "VGPU_type ref", doc=""),
                ]),
        message("remove_enabled_VGPU_types", roles=POOL_OPERATOR, since="vgpu-tech-preview",
                async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to change."),
                    param("value", "VGPU_type ref", doc=""),
                ]),
        message("set_enabled_VGPU_types", roles=POOL_OPERATOR, since="vgpu-tech-preview",
                async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to change."),
                    param("value", "VGPU_type ref set", doc=""),
                ]),
        message("set_GPU_group", roles=POOL_OPERATOR, since="vgpu-tech-preview", async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to change."),
                    param("value", "GPU_group ref", doc=""),
                ]),
        message("get_remaining_capacity", roles=READ_ONLY, since="vgpu-tech-preview", async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to read."),
                    param("vgpu_type", "VGPU_type ref", doc=""),
                ],
                result="int", result_doc=""),
        message("enable_dom0_access", roles=POOL_OPERATOR, since="cream", deprecated="24.14.0",
                async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to act on."),
                ],
                result="enum pci_dom0_access", result_doc=""),
        message("disable_dom0_access", roles=POOL_OPERATOR, since="cream", deprecated="24.14.0",
                async_=True,
                doc="",
                params=[
                    param("self", "PGPU ref", doc="The physical GPU to act on."),
                ],
                result="enum pci_dom0_access", result_doc=""),
    ],
)
