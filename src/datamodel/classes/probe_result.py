# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class probe_result as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "probe_result",
    doc="",
    since="kolkata",
    published="lima",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    in_database=False,
    persist=False,
    events=False,
    fields=[
        field(DYNAMIC_RO, "configuration", "(string -> string) map", published="lima",
              doc=""),
        field(DYNAMIC_RO, "complete", "bool", published="lima",
              doc=""),
        field(DYNAMIC_RO, "sr", "sr_stat record option", published="lima",
              doc=""),
        field(DYNAMIC_RO, "extra_info", "(string -> string) map", published="lima",
              doc=""),
    ],
)
