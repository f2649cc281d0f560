# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VMSS as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import LOCAL_ROOT, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VMSS",
    doc="",
    since="falcon",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    enums=[
        enum("vmss_frequency", doc="", values={
            "hourly": "",
            "daily": "",
            "weekly": "",
        }),
        enum("vmss_type", doc="", values={
            "snapshot": "",
            "checkpoint": "",
            "snapshot_with_quiesce": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the snapshot schedule for ever: 36 characters, kept over restarts "
                  "and never used again."),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the snapshot schedule for people; two may have the same one."),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc="Free text that tells people what the snapshot schedule is for."),
        field(RW, "enabled", "bool", default=True, since="rio",
              doc=""),
        field(STATIC_RO, "type", "enum vmss_type", since="rio",
              doc=""),
        field(STATIC_RO, "retained_snapshots", "int", default=7, since="rio",
              doc=""),
        field(STATIC_RO, "frequency", "enum vmss_frequency", since="rio",
              doc=""),
        field(STATIC_RO, "schedule", "(string -> string) map", default={}, since="rio",
              doc=""),
        field(DYNAMIC_RO, "last_run_time", "datetime", default="19700101T00:00:00Z", since="rio",
              doc=""),
        field(DYNAMIC_RO, "VMs", "VM ref set", since="rio", derived="VM.snapshot_schedule",
              doc=""),
    ],
    messages=[
        message("snapshot_now", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("vmss", "VMSS ref", doc=""),
                ],
                result="string", result_doc=""),
        message("set_retained_snapshots", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "int", doc=""),
                ]),
        message("set_frequency", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "enum vmss_frequency", doc=""),
                ]),
        message("set_schedule", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "(string -> string) map", doc=""),
                ]),
        message("add_to_schedule", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("key", "string", doc="The key to add; it must not be in the map yet."),
                    param("value", "string", doc="What the key shall stand for."),
                ]),
        message("remove_from_schedule", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("key", "string",
                          doc="The key to remove; nothing happens when the map has none."),
                ]),
        message("set_last_run_time", roles=LOCAL_ROOT,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "datetime", doc=""),
                ]),
        message("set_type", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "enum vmss_type", doc=""),
                ]),
    ],
)
