# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class task as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY, VM_OPERATOR

CLASS = cls(
    "task",
    doc="A long call that runs or has run; it tells how far it is and how it ended.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    persist=False,
    task_per_call=False,
    enums=[
        enum("task_allowed_operations", doc="What can be done with a task.", values={
            "cancel": "It can be asked to stop.",
            "destroy": "Its object can be removed.",
        }),
        enum("task_status_type", doc="How a task stands.", values={
            "pending": "It runs.",
            "success": "It ended well; result holds what it gave.",
            "failure": "It failed; error_info says why.",
            "cancelling": "It was asked to stop and has not stopped yet.",
            "cancelled": "It stopped because it was asked to.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the task for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(DYNAMIC_RO, "name_label", "string", default="", path="name/label",
              doc="Name of the task for people; two may have the same one."),
        field(DYNAMIC_RO, "name_description", "string", default="", path="name/description",
              doc="Free text that tells people what the task is for."),
        field(DYNAMIC_RO, "allowed_operations", "enum task_allowed_operations set", default=[],
              doc="Operations the task would accept now. Advice only: the state may change "
                  "before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum task_allowed_operations) map",
              default={},
              doc="Operations that run on the task now, by the reference of the task that runs "
                  "them."),
        field(DYNAMIC_RO, "created", "datetime",
              doc="When it began."),
        field(DYNAMIC_RO, "finished", "datetime",
              doc="When it ended; the epoch while it runs."),
        field(DYNAMIC_RO, "status", "enum task_status_type",
              doc="How it stands."),
        field(DYNAMIC_RO, "session", "session ref", internal=True,
              doc="The session that began it."),
        field(DYNAMIC_RO, "resident_on", "host ref",
              doc="The host that does the work."),
        field(DYNAMIC_RO, "progress", "float",
              doc="How much is done, from 0 to 1."),
        field(DYNAMIC_RO, "externalpid", "int", internal=True,
              doc="Number of a process that does the work; -1 for none."),
        field(DYNAMIC_RO, "stunnelpid", "int", deprecated="boston", internal=True,
              doc="Number of a process that forwards it; -1 for none."),
        field(DYNAMIC_RO, "forwarded", "bool", internal=True,
              doc="True when another host does the work."),
        field(DYNAMIC_RO, "forwarded_to", "host ref", internal=True,
              doc="The host that does the work; null when it is the one that was called."),
        field(DYNAMIC_RO, "type", "string",
              doc="Type of the result in XML-RPC; empty for none."),
        field(DYNAMIC_RO, "result", "string",
              doc="What the call gave, as one XML-RPC value in text; empty until it has ended "
                  "well."),
        field(DYNAMIC_RO, "error_info", "string set",
              doc="Code and parameters of the failure; empty when it has not failed."),
        field(DYNAMIC_RO, "other_config", "(string -> string) map", default={}, since="miami",
              map_key_roles={
                  "applies_to": VM_OPERATOR,
                  "XenCenterUUID": VM_OPERATOR,
                  "XenCenterMeddlingActionTitle": VM_OPERATOR,
              },
              doc="Further settings of the task by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(DYNAMIC_RO, "subtask_of", "task ref", default="OpaqueRef:NULL", since="orlando",
              doc="The task it is part of; null when it stands alone."),
        field(DYNAMIC_RO, "subtasks", "task ref set", since="orlando", derived="task.subtask_of",
              doc="Tasks that are part of it."),
        field(DYNAMIC_RO, "backtrace", "string", default="()", since="dundee",
              doc="Where in the program it failed, for those who mend it."),
    ],
    messages=[
        message("create", roles=READ_ONLY,
                doc="Make a task that the client itself brings to its end, such as for an upload.",
                params=[
                    param("label", "string", doc="Its name."),
                    param("description", "string", doc="What it is about, for people."),
                ],
                result="task ref", result_doc="The new task."),
        message("destroy", roles=READ_ONLY,
                doc="Remove a task's object; work that still runs goes on without it.",
                params=[
                    param("self", "task ref", doc="The task to remove."),
                ]),
        message("cancel", roles=READ_ONLY, async_=True,
                doc="Ask a task to stop; it becomes cancelled when it has undone what it did. "
                    "OPERATION_NOT_ALLOWED when it cannot stop.",
                params=[
                    param("task", "task ref", doc="The task."),
                ],
                errors=["OPERATION_NOT_ALLOWED"]),
        message("set_status", roles=READ_ONLY, since="falcon",
                doc="Say how a task stands that the client itself made.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("value", "enum task_status_type", doc="The new state."),
                ]),
        message("set_progress", roles=READ_ONLY, since="stockholm",
                doc="Say how far a task is that the client itself made.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("value", "float", doc="From 0 to 1."),
                ]),
        message("set_result", roles=READ_ONLY, since="21.3.0",
                doc="Say what a task gave that the client itself made.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("value", "string", doc="The result as text."),
                ]),
        message("set_error_info", roles=READ_ONLY, since="21.3.0",
                doc="Say why a task failed that the client itself made.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("value", "string set", doc="Code, then parameters."),
                ]),
        message("add_to_other_config", roles=READ_ONLY, since="25.8.0", prototyped=True,
                async_=True,
                doc="Add an entry to the task's further settings.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("key", "string", doc="The key to add; it must not be in the map yet."),
                    param("value", "string", doc="What the key shall stand for."),
                ]),
        message("remove_from_other_config", roles=READ_ONLY, since="25.8.0", prototyped=True,
                async_=True,
                doc="Remove an entry from the task's further settings.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("key", "string",
                          doc="The key to remove; nothing happens when the map has none."),
                ]),
        message("set_other_config", roles=READ_ONLY, since="25.8.0", prototyped=True, async_=True,
                doc="Replace the task's further settings.",
                params=[
                    param("self", "task ref", doc="The task to change."),
                    param("value", "(string -> string) map", doc="All entries."),
                ]),
    ],
)
