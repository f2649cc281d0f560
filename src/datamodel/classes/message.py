# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class message as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "message",
    doc="",
    since="orlando",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    in_database=False,
    persist=False,
    enums=[
        enum("cls", doc="", values={
            "VM": "",
            "Host": "",
            "SR": "",
            "Pool": "",
            "VMPP": "",
            "VMSS": "",
            "PVS_proxy": "",
            "VDI": "",
            "Certificate": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the message for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(DYNAMIC_RO, "name", "string", since="rio",
              doc=""),
        field(DYNAMIC_RO, "priority", "int", since="rio",
              doc=""),
        field(DYNAMIC_RO, "cls", "enum cls",
              doc=""),
        field(DYNAMIC_RO, "obj_uuid", "string", since="rio",
              doc=""),
        field(DYNAMIC_RO, "timestamp", "datetime", since="rio",
              doc=""),
        field(DYNAMIC_RO, "body", "string", since="rio",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("name", "string", doc=""),
                    param("priority", "int", doc=""),
                    param("cls", "enum cls", doc=""),
                    param("obj_uuid", "string", doc=""),
                    param("body", "string", doc=""),
                ],
                result="message ref", result_doc=""),
        message("destroy", roles=POOL_OPERATOR,
                doc="",
                params=[
                    param("self", "message ref", doc="The message to remove."),
                ]),
        message("destroy_many", roles=POOL_OPERATOR, since="22.19.0", prototyped=True, async_=True,
                doc="",
                params=[
                    param("messages", "message ref set", doc=""),
                ]),
        message("destroy_all", roles=POOL_OPERATOR, since="26.6.0", prototyped=True, async_=True,
                doc="",
                params=[
                    param("filters", "(string -> string) map", doc=""),
                ]),
        message("get", roles=READ_ONLY,
                doc="",
                params=[
                    param("cls", "enum cls", doc=""),
                    param("obj_uuid", "string", doc=""),
                    param("since", "datetime", doc=""),
                ],
                result="(message ref -> message record) map", result_doc=""),
        message("get_all", roles=READ_ONLY,
                doc="",
                result="message ref set", result_doc=""),
        message("get_since", roles=READ_ONLY,
                doc="",
                params=[
                    param("since", "datetime", doc=""),
                ],
                result="(message ref -> message record) map", result_doc=""),
        message("get_record", roles=READ_ONLY,
                doc="",
                params=[
                    param("self", "message ref", doc="The message to read."),
                ],
                result="message record", result_doc=""),
        message("get_by_uuid", roles=READ_ONLY,
                doc="",
                params=[
                    param("uuid", "string", doc=""),
                ],
                result="message ref", result_doc=""),
        message("get_all_records", roles=READ_ONLY,
                doc="",
                result="(message ref -> message record) map", result_doc=""),
        message("get_all_records_where", roles=READ_ONLY,
                doc="",
                params=[
                    param("expr", "string", doc=""),
                ],
                result="(message ref -> message record) map", result_doc=""),
    ],
)
