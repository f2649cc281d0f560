# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class event as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "event",
    doc="Word that an object has changed; a value inside replies, not an object.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    in_database=False,
    persist=False,
    events=False,
    task_per_call=False,
    enums=[
        enum("event_operation", doc="What happened to the object.", values={
            "add": "It was made, or the client sees it for the first time.",
            "del": "It is gone.",
            "mod": "At least one field changed.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "snapshot", "any", since="boston",
              doc="All fields of the object after the change; absent when it is gone."),
        field(STATIC_RO, "id", "int",
              doc="Number of the event; later ones have greater numbers."),
        field(STATIC_RO, "timestamp", "datetime", deprecated="boston",
              doc="When it happened, as event.next tells it; event.from always says the epoch."),
        field(STATIC_RO, "class", "string",
              doc="Class of the object in lower case."),
        field(STATIC_RO, "operation", "enum event_operation",
              doc="What happened to it."),
        field(STATIC_RO, "ref", "string",
              doc="Reference of the object, as text."),
        field(STATIC_RO, "obj_uuid", "string", deprecated="boston",
              doc="UUID of the object; empty for a class that has none."),
    ],
    messages=[
        message("register", handled=True, roles=READ_ONLY, deprecated="boston", async_=True,
                doc="Start keeping events for this session, to be fetched with event.next.",
                params=[
                    param("classes", "string set", doc="Names of classes; \"*\" stands for all."),
                ]),
        message("unregister", handled=True, roles=READ_ONLY, deprecated="boston", async_=True,
                doc="Stop keeping events of some classes for this session.",
                params=[
                    param("classes", "string set", doc="Names of classes; \"*\" stands for all."),
                ]),
        message("next", handled=True, roles=READ_ONLY, deprecated="boston",
                doc="Wait until at least one event has come since the last call and fetch all of "
                    "them.",
                result="event record set",
                result_doc="The events in order; EVENTS_LOST when too many came in between.",
                errors=[
                    "SESSION_NOT_REGISTERED", "EVENTS_LOST", "EVENT_SUBSCRIPTION_PARSE_FAILURE",
                ]),
        message("from", handled=True, roles=READ_ONLY, since="boston",
                doc="Wait until something has changed since a token, or until the time is over.",
                params=[
                    param("classes", "string set",
                          doc="\"*\", class names, or \"class/reference\" for one object."),
                    param("token", "string",
                          doc="The token of the reply before; empty to be told of every existing "
                              "object first."),
                    param("timeout", "float", doc="Seconds to wait; 0 answers at once."),
                ],
                result="any",
                result_doc="A struct: events, the next token, and how many valid objects each "
                           "class has.",
                errors=["EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENT_SUBSCRIPTION_PARSE_FAILURE"]),
        message("get_current_id", handled=True, roles=READ_ONLY,
                doc="Tell the number that the next event will be above.",
                result="int", result_doc="The number of the latest event."),
        message("inject", handled=True, roles=READ_ONLY, since="tampa",
                doc="Pretend that an object changed, so that a waiting client can know it has "
                    "seen everything before.",
                params=[
                    param("class", "string", doc="Class of the object."),
                    param("ref", "string", doc="Reference of the object."),
                ],
                result="string", result_doc="A token that stands after the injected event."),
    ],
)
