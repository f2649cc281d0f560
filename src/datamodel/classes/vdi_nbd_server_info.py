# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class vdi_nbd_server_info as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, field
from roles import LOCAL_ROOT, READ_ONLY

CLASS = cls(
    "vdi_nbd_server_info",
    doc="Where one disk can be read over NBD; a value inside replies, not an object.",
    since="inverness",
    reader_roles=READ_ONLY,
    writer_roles=LOCAL_ROOT,
    in_database=False,
    persist=False,
    events=False,
    fields=[
        field(DYNAMIC_RO, "exportname", "string",
              doc="Name of the export, with a session in it: keep it secret."),
        field(DYNAMIC_RO, "address", "string",
              doc="Address of the server."),
        field(DYNAMIC_RO, "port", "int",
              doc="TCP port of the server."),
        field(DYNAMIC_RO, "cert", "string",
              doc="Certificate of the server in PEM."),
        field(DYNAMIC_RO, "subject", "string",
              doc="Name to check in the certificate."),
    ],
)
