# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_appliance as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VM_appliance",
    doc="Virtual machines that start and stop together, in the order of their fields order and "
        "start_delay.",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    enums=[
        enum("vm_appliance_operation", doc="What can be done with an appliance.", values={
            "start": "Its virtual machines start.",
            "clean_shutdown": "They shut down by themselves.",
            "hard_shutdown": "They are switched off.",
            "shutdown": "They shut down, and are switched off where that fails.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the appliance for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the appliance for people; two may have the same one."),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc="Free text that tells people what the appliance is for."),
        field(DYNAMIC_RO, "allowed_operations", "enum vm_appliance_operation set", default=[],
              since="rio", persist=False,
              doc="Operations the appliance would accept now. Advice only: the state may change "
                  "before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum vm_appliance_operation) map",
              default={}, since="rio", persist=False,
              doc="Operations that run on the appliance now, by the reference of the task that "
                  "runs them."),
        field(DYNAMIC_RO, "VMs", "VM ref set", since="rio", derived="VM.appliance",
              doc="The virtual machines in it."),
    ],
    messages=[
        message("start", roles=POOL_OPERATOR, async_=True,
                doc="Start the virtual machines in order.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to act on."),
                    param("paused", "bool", doc="True leaves them paused."),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("clean_shutdown", roles=POOL_OPERATOR, async_=True,
                doc="Let the virtual machines shut down, in reverse order.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to act on."),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("hard_shutdown", roles=POOL_OPERATOR, async_=True,
                doc="Switch the virtual machines off, in reverse order.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to act on."),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("shutdown", roles=POOL_OPERATOR, async_=True,
                doc="Let the virtual machines shut down; switch off those that do not.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to act on."),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("assert_can_be_recovered", roles=READ_ONLY, async_=True,
                doc="Fail unless every SR the appliance needs is there to recover it.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to check."),
                    param("session_to", "session ref",
                          doc="A session on the database it shall be recovered into."),
                ],
                errors=["VM_REQUIRES_SR"]),
        message("get_SRs_required_for_recovery", roles=READ_ONLY, since="creedence", async_=True,
                doc="List the SRs that recovering the appliance needs.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to read."),
                    param("session_to", "session ref",
                          doc="A session on the database it shall be recovered into."),
                ],
                result="SR ref set", result_doc="Those SRs."),
        message("recover", roles=READ_ONLY, async_=True,
                doc="Bring the appliance with its virtual machines into another database.",
                params=[
                    param("self", "VM_appliance ref", doc="The appliance to act on."),
                    param("session_to", "session ref", doc="A session on that database."),
                    param("force", "bool",
                          doc="True: take the place of virtual machines that are there already."),
                ],
                errors=["VM_REQUIRES_SR"]),
    ],
)
