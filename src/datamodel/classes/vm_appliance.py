# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class VM_appliance as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "VM_appliance",
    doc="",
    since="boston",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    create_destroy=True,
    enums=[
        enum("vm_appliance_operation", doc="", values={
            "start": "",
            "clean_shutdown": "",
            "hard_shutdown": "",
            "shutdown": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc=""),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc=""),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc=""),
        field(DYNAMIC_RO, "allowed_operations", "enum vm_appliance_operation set", default=[],
              since="rio", persist=False,
              doc=""),
        field(DYNAMIC_RO, "current_operations", "(string -> enum vm_appliance_operation) map",
              default={}, since="rio", persist=False,
              doc=""),
        field(DYNAMIC_RO, "VMs", "VM ref set", since="rio", derived="VM.appliance",
              doc=""),
    ],
    messages=[
        message("start", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                    param("paused", "bool", doc=""),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("clean_shutdown", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("hard_shutdown", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("shutdown", roles=POOL_OPERATOR, async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                ],
                errors=["OPERATION_PARTIALLY_FAILED"]),
        message("assert_can_be_recovered", roles=READ_ONLY, async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                    param("session_to", "session ref", doc=""),
                ],
                errors=["VM_REQUIRES_SR"]),
        message("get_SRs_required_for_recovery", roles=READ_ONLY, since="creedence", async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                    param("session_to", "session ref", doc=""),
                ],
                result="SR ref set", result_doc=""),
        message("recover", roles=READ_ONLY, async_=True,
                doc="",
                params=[
                    param("self", "VM_appliance ref", doc=""),
                    param("session_to", "session ref", doc=""),
                    param("force", "bool", doc=""),
                ],
                errors=["VM_REQUIRES_SR"]),
    ],
)
