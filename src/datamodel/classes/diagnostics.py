# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Diagnostics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import cls, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Diagnostics",
    doc="",
    since="stockholm",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    in_database=False,
    persist=False,
    events=False,
    messages=[
        message("gc_compact", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                ]),
        message("gc_stats", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                ],
                result="(string -> string) map", result_doc=""),
        message("db_stats", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                result="(string -> string) map", result_doc=""),
        message("network_stats", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                    param("params", "(string -> string) map", doc=""),
                ],
                result="string set set", result_doc=""),
    ],
)
