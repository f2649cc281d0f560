# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Diagnostics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import cls, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Diagnostics",
    doc="Figures about the server's own inner state, for those who look for a fault in it; there "
        "are no objects of this class.",
    since="stockholm",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    in_database=False,
    persist=False,
    events=False,
    messages=[
        message("gc_compact", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Return unused memory of the server to the system.",
                params=[
                    param("host", "host ref", doc="The host whose server is meant."),
                ]),
        message("gc_stats", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Read the figures of the server's memory allocator.",
                params=[
                    param("host", "host ref", doc="The host whose server is meant."),
                ],
                result="(string -> string) map", result_doc="Figures by name, as decimal numbers."),
        message("db_stats", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Read the figures of the object database, such as objects per class and "
                    "commits.",
                result="(string -> string) map", result_doc="Figures by name, as decimal numbers."),
        message("network_stats", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Read the figures of the server's connections.",
                params=[
                    param("host", "host ref", doc="The host whose server is meant."),
                    param("params", "(string -> string) map",
                          doc="Which connections to show, such as by protocol or peer."),
                ],
                result="string set set",
                result_doc="One row a connection; the first row names the columns."),
    ],
)
