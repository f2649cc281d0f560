# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VTPM as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import LOCAL_ROOT, POOL_ADMIN, READ_ONLY, VM_ADMIN

CLASS = cls(
    "VTPM",
    doc="",
    since="22.26.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    enums=[
        enum("vtpm_operations", doc="", values={
            "destroy": "",
        }),
        enum("persistence_backend", doc="", values={
            "xapi": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the virtual TPM for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "allowed_operations", "enum vtpm_operations set", default=[], since="rio",
              persist=False,
              doc="Operations the virtual TPM would accept now. Advice only: the state may "
                  "change before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum vtpm_operations) map", default={},
              since="rio", persist=False,
              doc="Operations that run on the virtual TPM now, by the reference of the task that "
                  "runs them."),
        field(STATIC_RO, "VM", "VM ref", since="rio",
              doc=""),
        field(DYNAMIC_RO, "backend", "VM ref", default="OpaqueRef:NULL", since="rio",
              doc=""),
        field(DYNAMIC_RO, "persistence_backend", "enum persistence_backend", default="xapi",
              prototyped=True,
              doc=""),
        field(STATIC_RO, "is_unique", "bool", default=False, prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "is_protected", "bool", default=False, prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "contents", "secret ref", prototyped=True, internal=True,
              doc=""),
    ],
    messages=[
        message("create", roles=VM_ADMIN, prototyped=True, async_=True,
                doc="",
                params=[
                    param("vM", "VM ref", doc=""),
                    param("is_unique", "bool", doc=""),
                ],
                result="VTPM ref", result_doc=""),
        message("destroy", roles=VM_ADMIN, prototyped=True, async_=True,
                doc="",
                params=[
                    param("self", "VTPM ref", doc="The virtual TPM to remove."),
                ]),
        message("get_contents", roles=LOCAL_ROOT, prototyped=True, async_=True, hidden=True,
                secret=True,
                doc="",
                params=[
                    param("self", "VTPM ref", doc="The virtual TPM to read."),
                ],
                result="string", result_doc=""),
        message("set_contents", roles=LOCAL_ROOT, prototyped=True, async_=True, hidden=True,
                secret=True,
                doc="",
                params=[
                    param("self", "VTPM ref", doc="The virtual TPM to change."),
                    param("contents", "string", doc=""),
                ]),
    ],
)
