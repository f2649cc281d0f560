# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class DR_task as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "DR_task",
    doc="Storage of another site, opened here so that its virtual machines can be recovered.",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the recovery task for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "introduced_SRs", "SR ref set", since="rio", derived="SR.introduced_by",
              doc="The SRs that were made known for this recovery."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Find and attach SRs that hold pool metadata and are on the given device.",
                params=[
                    param("type", "string", doc="The type of the SRs, such as lvmoiscsi."),
                    param("device_config", "(string -> string) map",
                          doc="How to reach the device, as for a PBD."),
                    param("whitelist", "string set",
                          doc="UUIDs of the SRs to attach; others on the device are left alone."),
                ],
                result="DR_task ref", result_doc="The new recovery task."),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Detach and forget the SRs that the recovery task made known, unless disks "
                    "on them are in use.",
                params=[
                    param("self", "DR_task ref", doc="The recovery task to remove."),
                ]),
    ],
)
