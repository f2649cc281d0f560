# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class host_crashdump as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "host_crashdump",
    doc="What was saved when a host itself crashed.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the crash dump for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "host", "host ref",
              doc="The host that crashed."),
        field(DYNAMIC_RO, "timestamp", "datetime",
              doc="When it crashed."),
        field(DYNAMIC_RO, "size", "int",
              doc="Bytes the dump takes."),
        field(STATIC_RO, "filename", "string", internal=True,
              doc="Name of its directory on the host."),
        field(RW, "other_config", "(string -> string) map", default={}, since="miami",
              doc="Further settings of the crash dump by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
    messages=[
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Delete the dump from the host.",
                params=[
                    param("self", "host_crashdump ref", doc="The crash dump to remove."),
                ]),
        message("upload", roles=POOL_OPERATOR, async_=True,
                doc="Send the dump to a server.",
                params=[
                    param("self", "host_crashdump ref", doc="The crash dump to act on."),
                    param("url", "string", doc="Where to send it."),
                    param("options", "(string -> string) map",
                          doc="Further settings, such as a proxy."),
                ]),
    ],
)
