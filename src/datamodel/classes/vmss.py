# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VMSS as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import LOCAL_ROOT, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VMSS",
    doc="A schedule that makes snapshots of virtual machines and removes old ones.",
    since="falcon",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    enums=[
        enum("vmss_frequency", doc="How often a schedule runs.", values={
            "hourly": "Every hour.",
            "daily": "Every day.",
            "weekly": "On chosen days of the week.",
        }),
        enum("vmss_type", doc="What a schedule makes.", values={
            "snapshot": "Snapshots of the disks.",
            "checkpoint": "Snapshots of disks and memory.",
            "snapshot_with_quiesce": "Snapshots of disks the guest has put in order; no guest "
                                     "can any more.",
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
              doc="True while it runs."),
        field(STATIC_RO, "type", "enum vmss_type", since="rio",
              doc="What it makes."),
        field(STATIC_RO, "retained_snapshots", "int", default=7, since="rio",
              doc="How many it keeps of each virtual machine; older ones are removed."),
        field(STATIC_RO, "frequency", "enum vmss_frequency", since="rio",
              doc="How often it runs."),
        field(STATIC_RO, "schedule", "(string -> string) map", default={}, since="rio",
              doc="When it runs: min, hour, and days with commas between."),
        field(DYNAMIC_RO, "last_run_time", "datetime", default="19700101T00:00:00Z", since="rio",
              doc="When it ran last."),
        field(DYNAMIC_RO, "VMs", "VM ref set", since="rio", derived="VM.snapshot_schedule",
              doc="Virtual machines it is for."),
    ],
    messages=[
        message("snapshot_now", roles=POOL_OPERATOR,
                doc="Run the schedule at once.",
                params=[
                    param("vmss", "VMSS ref", doc="The schedule."),
                ],
                result="string", result_doc="A text that says how it went."),
        message("set_retained_snapshots", roles=POOL_OPERATOR,
                doc="Change how many snapshots are kept.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "int", doc="From 1 to 10."),
                ]),
        message("set_frequency", roles=POOL_OPERATOR,
                doc="Change how often it runs.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "enum vmss_frequency", doc="The new frequency."),
                ]),
        message("set_schedule", roles=POOL_OPERATOR,
                doc="Replace when it runs.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "(string -> string) map",
                          doc="min, hour and days, as the frequency needs."),
                ]),
        message("add_to_schedule", roles=POOL_OPERATOR,
                doc="Add an entry to when it runs.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("key", "string", doc="The key to add; it must not be in the map yet."),
                    param("value", "string", doc="What the key shall stand for."),
                ]),
        message("remove_from_schedule", roles=POOL_OPERATOR,
                doc="Remove an entry from when it runs.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("key", "string",
                          doc="The key to remove; nothing happens when the map has none."),
                ]),
        message("set_last_run_time", roles=LOCAL_ROOT,
                doc="Enter when it ran last.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "datetime", doc="The time."),
                ]),
        message("set_type", roles=POOL_OPERATOR,
                doc="Change what it makes.",
                params=[
                    param("self", "VMSS ref", doc="The snapshot schedule to change."),
                    param("value", "enum vmss_type", doc="The new type."),
                ]),
    ],
)
