# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class console as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field
from roles import READ_ONLY, VM_ADMIN

CLASS = cls(
    "console",
    doc="A way to see and type on a virtual machine's screen or serial line.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    create_destroy=True,
    enums=[
        enum("console_protocol", doc="What is spoken over a console's connection.", values={
            "vt100": "Plain text of a serial terminal.",
            "rfb": "The VNC protocol: a picture, keyboard and mouse.",
            "rdp": "Remote Desktop, answered by the guest itself.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the console for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(DYNAMIC_RO, "protocol", "enum console_protocol",
              doc="What is spoken once the connection is open."),
        field(DYNAMIC_RO, "location", "string",
              doc="URL to open with CONNECT; the session is given as a query parameter or cookie."),
        field(DYNAMIC_RO, "VM", "VM ref",
              doc="The virtual machine that is seen."),
        field(RW, "other_config", "(string -> string) map",
              doc="Further settings of the console by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(RW, "port", "int", internal=True,
              doc="Port of the screen on the host's loopback address; -1 when there is none."),
    ],
)
