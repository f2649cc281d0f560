# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class message as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "message",
    doc="A note about something that happened to an object, kept until somebody deletes it.",
    since="orlando",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    in_database=False,
    persist=False,
    enums=[
        enum("cls", doc="The class of the object a message is about.", values={
            "VM": "A virtual machine.",
            "Host": "A host.",
            "SR": "A storage repository.",
            "Pool": "The pool as a whole.",
            "VMPP": "A protection policy, a class of older releases.",
            "VMSS": "A snapshot schedule.",
            "PVS_proxy": "A PVS proxy.",
            "VDI": "A disk.",
            "Certificate": "A certificate.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the message for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(DYNAMIC_RO, "name", "string", since="rio",
              doc="Name of what happened, such as VM_STARTED."),
        field(DYNAMIC_RO, "priority", "int", since="rio",
              doc="From 1, data may be lost, to 5, information."),
        field(DYNAMIC_RO, "cls", "enum cls",
              doc="Class of the object it is about."),
        field(DYNAMIC_RO, "obj_uuid", "string", since="rio",
              doc="UUID of the object it is about; the object may be gone."),
        field(DYNAMIC_RO, "timestamp", "datetime", since="rio",
              doc="When it was made."),
        field(DYNAMIC_RO, "body", "string", since="rio",
              doc="Details for people or, for some names, in XML."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR,
                doc="Leave a note about an object.",
                params=[
                    param("name", "string",
                          doc="Name of what happened; letters, digits and underscores."),
                    param("priority", "int", doc="From 1, data may be lost, to 5, information."),
                    param("cls", "enum cls", doc="Class of the object."),
                    param("obj_uuid", "string", doc="UUID of an object that exists."),
                    param("body", "string", doc="Details."),
                ],
                result="message ref", result_doc="The new message."),
        message("destroy", roles=POOL_OPERATOR,
                doc="Delete a message.",
                params=[
                    param("self", "message ref", doc="The message to remove."),
                ]),
        message("destroy_many", roles=POOL_OPERATOR, since="22.19.0", prototyped=True, async_=True,
                doc="Delete several messages.",
                params=[
                    param("messages", "message ref set",
                          doc="The messages; one that is gone already is no failure."),
                ]),
        message("destroy_all", roles=POOL_OPERATOR, since="26.6.0", prototyped=True, async_=True,
                doc="Delete every message that fits.",
                params=[
                    param("filters", "(string -> string) map",
                          doc="Conditions by name, such as cls, priority and before; all must be "
                              "true."),
                ]),
        message("get", roles=READ_ONLY,
                doc="Read the messages about one object.",
                params=[
                    param("cls", "enum cls", doc="Class of the object."),
                    param("obj_uuid", "string", doc="Its UUID."),
                    param("since", "datetime", doc="Leave out those made before this time."),
                ],
                result="(message ref -> message record) map",
                result_doc="Their records, by message."),
        message("get_all", roles=READ_ONLY,
                doc="List every message.",
                result="message ref set", result_doc="Every message."),
        message("get_since", roles=READ_ONLY,
                doc="Read the messages made since a time.",
                params=[
                    param("since", "datetime", doc="The time."),
                ],
                result="(message ref -> message record) map",
                result_doc="Their records, by message."),
        message("get_record", roles=READ_ONLY,
                doc="Read all fields of one message.",
                params=[
                    param("self", "message ref", doc="The message to read."),
                ],
                result="message record", result_doc="The fields."),
        message("get_by_uuid", roles=READ_ONLY,
                doc="Find a message by its UUID; UUID_INVALID when there is none.",
                params=[
                    param("uuid", "string", doc="The UUID."),
                ],
                result="message ref", result_doc="That message."),
        message("get_all_records", roles=READ_ONLY,
                doc="Read every message.",
                result="(message ref -> message record) map",
                result_doc="Their records, by message."),
        message("get_all_records_where", roles=READ_ONLY,
                doc="Read the messages for which an expression over their fields is true.",
                params=[
                    param("expr", "string",
                          doc="The expression, such as field \"name\" = \"VM_STARTED\"."),
                ],
                result="(message ref -> message record) map",
                result_doc="Their records, by message."),
    ],
)
