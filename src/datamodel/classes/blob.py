# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class blob as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "blob",
    doc="A piece of binary data attached to another object, read and written over HTTP at /blob.",
    since="orlando",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the blob for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the blob for people; two may have the same one."),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc="Free text that tells people what the blob is for."),
        field(DYNAMIC_RO, "size", "int", since="rio",
              doc="Length in bytes of what was stored last."),
        field(RW, "public", "bool", default=False, since="tampa",
              doc="Whether /blob gives the data to clients that have not logged in."),
        field(STATIC_RO, "last_updated", "datetime", since="rio",
              doc="When data was stored last."),
        field(STATIC_RO, "mime_type", "string", since="rio",
              doc="Media type sent with the data; application/octet-stream when nothing else was "
                  "said."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR,
                doc="Make an empty blob that belongs to no object; data comes by PUT to /blob.",
                params=[
                    param("mime_type", "string",
                          doc="Media type of the data; an empty text means "
                              "application/octet-stream."),
                    param("public", "bool", default=False,
                          doc="True lets clients read the data without logging in."),
                ],
                result="blob ref", result_doc="The new blob."),
        message("destroy", roles=POOL_OPERATOR,
                doc="Remove the blob and its data.",
                params=[
                    param("self", "blob ref", doc="The blob to remove."),
                ]),
    ],
)
