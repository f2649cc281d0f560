# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class LVHD as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "LVHD",
    doc="Stands for the change of an LVM storage repository to thin provisioning.",
    since="dundee",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    get_all=False,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the thin provisioning record for ever: 36 characters, kept over "
                  "restarts and never used again."),
    ],
    messages=[
        message("enable_thin_provisioning", roles=POOL_ADMIN, async_=True,
                doc="Change an LVM SR to thin provisioning.",
                params=[
                    param("host", "host ref", doc="Host on which to do it."),
                    param("SR", "SR ref", doc="The SR."),
                    param("initial_allocation", "int", doc="Bytes a disk gets at once."),
                    param("allocation_quantum", "int",
                          doc="Bytes a disk gets each time it needs more."),
                ],
                result="string", result_doc="A text that says what was done."),
    ],
)
