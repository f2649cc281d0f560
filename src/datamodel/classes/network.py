# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class network as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_ADMIN, POOL_OPERATOR, READ_ONLY, VM_ADMIN, VM_OPERATOR, VM_POWER_ADMIN

CLASS = cls(
    "network",
    doc="",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    create_destroy=True,
    enums=[
        enum("network_operations", doc="", values={
            "attaching": "",
        }),
        enum("network_default_locking_mode", doc="", values={
            "unlocked": "",
            "disabled": "",
        }),
        enum("network_purpose", doc="", values={
            "nbd": "",
            "insecure_nbd": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the network for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "name_label", "string", default="", path="name/label", writer_roles=POOL_OPERATOR,
              doc="Name of the network for people; two may have the same one."),
        field(RW, "name_description", "string", default="", path="name/description",
              writer_roles=POOL_OPERATOR,
              doc="Free text that tells people what the network is for."),
        field(DYNAMIC_RO, "allowed_operations", "enum network_operations set", default=[],
              persist=False,
              doc="Operations the network would accept now. Advice only: the state may change "
                  "before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum network_operations) map",
              default={}, persist=False,
              doc="Operations that run on the network now, by the reference of the task that "
                  "runs them."),
        field(DYNAMIC_RO, "VIFs", "VIF ref set", derived="VIF.network",
              doc=""),
        field(DYNAMIC_RO, "PIFs", "PIF ref set", derived="PIF.network",
              doc=""),
        field(RW, "MTU", "int", default=1500, since="midnight-ride",
              doc=""),
        field(RW, "other_config", "(string -> string) map", writer_roles=POOL_OPERATOR,
              map_key_roles={
                  "folder": VM_OPERATOR,
                  "XenCenter.CustomFields.*": VM_OPERATOR,
                  "XenCenterCreateInProgress": VM_OPERATOR,
              },
              doc="Further settings of the network by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(STATIC_RO, "bridge", "string", default="",
              doc=""),
        field(STATIC_RO, "managed", "bool", default=True, since="falcon",
              doc=""),
        field(DYNAMIC_RO, "blobs", "(string -> blob ref) map", default={}, since="orlando",
              doc=""),
        field(RW, "tags", "string set", default=[], since="orlando", writer_roles=VM_OPERATOR,
              doc="Words that users give the network to group and find it; the system attaches "
                  "no meaning to them."),
        field(DYNAMIC_RO, "default_locking_mode", "enum network_default_locking_mode",
              default="unlocked", since="tampa",
              doc=""),
        field(DYNAMIC_RO, "assigned_ips", "(VIF ref -> string) map", default={}, since="creedence",
              doc=""),
        field(DYNAMIC_RO, "purpose", "enum network_purpose set", default=[], since="inverness",
              doc=""),
    ],
    messages=[
        message("attach", roles=POOL_OPERATOR, since="miami", async_=True, hidden=True,
                doc="",
                params=[
                    param("network", "network ref", doc="The network to act on."),
                    param("host", "host ref", doc=""),
                ]),
        message("pool_introduce", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                    param("MTU", "int", doc=""),
                    param("other_config", "(string -> string) map",
                          doc="The new object's further settings by name."),
                    param("bridge", "string", doc=""),
                    param("managed", "bool", doc=""),
                    param("purpose", "enum network_purpose set", doc=""),
                ],
                result="network ref", result_doc=""),
        message("create_new_blob", roles=POOL_OPERATOR, since="orlando", async_=True,
                doc="",
                params=[
                    param("network", "network ref", doc="The network to act on."),
                    param("name", "string", doc=""),
                    param("mime_type", "string", doc=""),
                    param("public", "bool", default=False, doc=""),
                ],
                result="blob ref", result_doc=""),
        message("set_default_locking_mode", roles=POOL_OPERATOR, since="tampa", async_=True,
                doc="",
                params=[
                    param("network", "network ref", doc="The network to change."),
                    param("value", "enum network_default_locking_mode", doc=""),
                ]),
        message("attach_for_vm", roles=VM_POWER_ADMIN, since="tampa", async_=True, hidden=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                    param("vm", "VM ref", doc=""),
                ]),
        message("detach_for_vm", roles=VM_POWER_ADMIN, since="tampa", async_=True, hidden=True,
                doc="",
                params=[
                    param("host", "host ref", doc=""),
                    param("vm", "VM ref", doc=""),
                ]),
        message("add_purpose", roles=POOL_ADMIN, since="inverness", async_=True,
                doc="",
                params=[
                    param("self", "network ref", doc="The network to change."),
                    param("value", "enum network_purpose", doc=""),
                ],
                errors=["NETWORK_INCOMPATIBLE_PURPOSES"]),
        message("remove_purpose", roles=POOL_ADMIN, since="inverness", async_=True,
                doc="",
                params=[
                    param("self", "network ref", doc="The network to change."),
                    param("value", "enum network_purpose", doc=""),
                ]),
    ],
)
