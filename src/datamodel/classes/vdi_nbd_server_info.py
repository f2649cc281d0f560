# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class vdi_nbd_server_info as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "vdi_nbd_server_info",
    doc="",
    since="inverness",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    in_database=False,
    persist=False,
    events=False,
    fields=[
        field(DYNAMIC_RO, "exportname", "string",
              doc=""),
        field(DYNAMIC_RO, "address", "string",
              doc=""),
        field(DYNAMIC_RO, "port", "int",
              doc=""),
        field(DYNAMIC_RO, "cert", "string",
              doc=""),
        field(DYNAMIC_RO, "subject", "string",
              doc=""),
    ],
)
