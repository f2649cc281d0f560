# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Certificate as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field
from roles import READ_ONLY

CLASS = cls(
    "Certificate",
    doc="",
    since="stockholm",
    reader_roles=READ_ONLY,
    writer_roles=READ_ONLY,
    enums=[
        enum("certificate_type", doc="", values={
            "ca": "",
            "host": "",
            "host_internal": "",
            "pinned": "",
        }),
        enum("certificate_purpose", doc="", values={
            "licensing": "",
            "ldaps": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc=""),
        field(DYNAMIC_RO, "name", "string", default="", since="1.294.0",
              doc=""),
        field(DYNAMIC_RO, "type", "enum certificate_type", default="host", since="1.294.0",
              doc=""),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL",
              doc=""),
        field(STATIC_RO, "not_before", "datetime", default="19700101T00:00:00Z",
              doc=""),
        field(STATIC_RO, "not_after", "datetime", default="19700101T00:00:00Z",
              doc=""),
        field(STATIC_RO, "fingerprint", "string", default="", deprecated="24.19.0",
              doc=""),
        field(STATIC_RO, "fingerprint_sha256", "string", default="", since="24.20.0",
              prototyped=True,
              doc=""),
        field(STATIC_RO, "fingerprint_sha1", "string", default="", since="24.20.0", prototyped=True,
              doc=""),
        field(STATIC_RO, "purpose", "enum certificate_purpose set", default=[], since="26.13.0",
              prototyped=True,
              doc=""),
    ],
)
