# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class probe_result as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "probe_result",
    doc="One SR that probing a device found, or one way to go on looking; a value inside "
        "replies, not an object.",
    since="kolkata",
    published="lima",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    in_database=False,
    persist=False,
    events=False,
    fields=[
        field(DYNAMIC_RO, "configuration", "(string -> string) map", published="lima",
              doc="Settings for SR.create, SR.introduce or the next probe."),
        field(DYNAMIC_RO, "complete", "bool", published="lima",
              doc="True when these settings are all that is needed."),
        field(DYNAMIC_RO, "sr", "sr_stat record option", published="lima",
              doc="The SR that was found; absent when there is none."),
        field(DYNAMIC_RO, "extra_info", "(string -> string) map", published="lima",
              doc="Further facts for people, as the driver gives them."),
    ],
)
