# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VTPM as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import LOCAL_ROOT, POOL_ADMIN, READ_ONLY, VM_ADMIN

CLASS = cls(
    "VTPM",
    doc="A trusted platform module that a virtual machine has.",
    since="22.26.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    enums=[
        enum("vtpm_operations", doc="What can be done with a virtual TPM.", values={
            "destroy": "It is taken from its virtual machine.",
        }),
        enum("persistence_backend", doc="Where a virtual TPM keeps its state.", values={
            "xapi": "In the toolstack's database.",
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
              doc="The virtual machine."),
        field(DYNAMIC_RO, "backend", "VM ref", default="OpaqueRef:NULL", since="rio",
              doc="The virtual machine that runs it; null for the host."),
        field(DYNAMIC_RO, "persistence_backend", "enum persistence_backend", default="xapi",
              prototyped=True,
              doc="Where it keeps its state."),
        field(STATIC_RO, "is_unique", "bool", default=False, prototyped=True,
              doc="True when clones of the virtual machine get an empty one."),
        field(DYNAMIC_RO, "is_protected", "bool", default=False, prototyped=True,
              doc="True when its state is encrypted."),
        field(DYNAMIC_RO, "contents", "secret ref", prototyped=True, internal=True,
              doc="The secret that holds its state."),
    ],
    messages=[
        message("create", roles=VM_ADMIN, prototyped=True, async_=True,
                doc="Give a virtual machine a TPM; it must be halted and have none.",
                params=[
                    param("vM", "VM ref", doc="The virtual machine."),
                    param("is_unique", "bool", doc="True: clones get an empty one."),
                ],
                result="VTPM ref", result_doc="The new virtual TPM."),
        message("destroy", roles=VM_ADMIN, prototyped=True, async_=True,
                doc="Take the TPM from its virtual machine, which must be halted; what it kept "
                    "is lost.",
                params=[
                    param("self", "VTPM ref", doc="The virtual TPM to remove."),
                ]),
        message("get_contents", roles=LOCAL_ROOT, prototyped=True, async_=True, hidden=True,
                secret=True,
                doc="Read the state of the TPM.",
                params=[
                    param("self", "VTPM ref", doc="The virtual TPM to read."),
                ],
                result="string", result_doc="The state in base64."),
        message("set_contents", roles=LOCAL_ROOT, prototyped=True, async_=True, hidden=True,
                secret=True,
                doc="Replace the state of the TPM.",
                params=[
                    param("self", "VTPM ref", doc="The virtual TPM to change."),
                    param("contents", "string", doc="The state in base64."),
                ]),
    ],
)
