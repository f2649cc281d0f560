# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class DR_task as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "DR_task",
    doc="",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc=""),
        field(DYNAMIC_RO, "introduced_SRs", "SR ref set", since="rio", derived="SR.introduced_by",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("type", "string", doc=""),
                    param("device_config", "(string -> string) map", doc=""),
                    param("whitelist", "string set", doc=""),
                ],
                result="DR_task ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "DR_task ref", doc=""),
                ]),
    ],
)
