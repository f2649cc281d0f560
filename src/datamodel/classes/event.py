# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class event as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "event",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    in_database=False,
    persist=False,
    events=False,
    task_per_call=False,
    enums=[
        enum("event_operation", doc="", values={
            "add": "",
            "del": "",
            "mod": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "snapshot", "any", since="boston",
              doc=""),
        field(STATIC_RO, "id", "int",
              doc=""),
        field(STATIC_RO, "timestamp", "datetime", deprecated="boston",
              doc=""),
        field(STATIC_RO, "class", "string",
              doc=""),
        field(STATIC_RO, "operation", "enum event_operation",
              doc=""),
        field(STATIC_RO, "ref", "string",
              doc=""),
        field(STATIC_RO, "obj_uuid", "string", deprecated="boston",
              doc=""),
    ],
    messages=[
        message("register", roles=READ_ONLY, deprecated="boston", async_=True,
                doc="",
                params=[
                    param("classes", "string set", doc=""),
                ]),
        message("unregister", roles=READ_ONLY, deprecated="boston", async_=True,
                doc="",
                params=[
                    param("classes", "string set", doc=""),
                ]),
        message("next", roles=READ_ONLY, deprecated="boston",
                doc="",
                result="event record set", result_doc="",
                errors=[
                    "SESSION_NOT_REGISTERED", "EVENTS_LOST", "EVENT_SUBSCRIPTION_PARSE_FAILURE",
                ]),
        message("from", roles=READ_ONLY, since="boston",
                doc="",
                params=[
                    param("classes", "string set", doc=""),
                    param("token", "string", doc=""),
                    param("timeout", "float", doc=""),
                ],
                result="any", result_doc="",
                errors=["EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENT_SUBSCRIPTION_PARSE_FAILURE"]),
        message("get_current_id", roles=READ_ONLY,
                doc="",
                result="int", result_doc=""),
        message("inject", roles=READ_ONLY, since="tampa",
                doc="",
                params=[
                    param("class", "string", doc=""),
                    param("ref", "string", doc=""),
                ],
                result="string", result_doc=""),
    ],
)
