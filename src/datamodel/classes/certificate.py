# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Certificate as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field
from roles import READ_ONLY

CLASS = cls(
    "Certificate",
    doc="An X.509 certificate that the pool trusts or that one of its hosts shows to clients.",
    since="stockholm",
    reader_roles=READ_ONLY,
    writer_roles=READ_ONLY,
    enums=[
        enum("certificate_type", doc="What a certificate is used for.", values={
            "ca": "A certificate authority that the pool trusts.",
            "host": "Shown by a host to API clients.",
            "host_internal": "Shown by a host to other hosts of the pool.",
            "pinned": "Trusted as it is, for one named purpose only.",
        }),
        enum("certificate_purpose", doc="Where a pinned certificate is trusted.", values={
            "licensing": "Connections to the licence server.",
            "ldaps": "Connections to the directory service.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the certificate for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "name", "string", default="", since="1.294.0",
              doc="File name under which the certificate was installed; empty for a host's own."),
        field(DYNAMIC_RO, "type", "enum certificate_type", default="host", since="1.294.0",
              doc="What the certificate is used for."),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL",
              doc="The host that shows it; null for one that is trusted by the whole pool."),
        field(STATIC_RO, "not_before", "datetime", default="19700101T00:00:00Z",
              doc="The certificate is not valid before this time."),
        field(STATIC_RO, "not_after", "datetime", default="19700101T00:00:00Z",
              doc="The certificate is not valid after this time."),
        field(STATIC_RO, "fingerprint", "string", default="", deprecated="24.19.0",
              doc="SHA-256 fingerprint as hexadecimal bytes with colons; the same as "
                  "fingerprint_sha256."),
        field(STATIC_RO, "fingerprint_sha256", "string", default="", since="24.20.0",
              prototyped=True,
              doc="SHA-256 digest of the DER form, as hexadecimal bytes with colons."),
        field(STATIC_RO, "fingerprint_sha1", "string", default="", since="24.20.0", prototyped=True,
              doc="SHA-1 digest of the DER form, as hexadecimal bytes with colons."),
        field(STATIC_RO, "purpose", "enum certificate_purpose set", default=[], since="26.13.0",
              prototyped=True,
              doc="Where a pinned certificate is trusted; empty for one that is trusted "
                  "everywhere."),
    ],
)
