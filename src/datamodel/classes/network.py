# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class network as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_ADMIN, POOL_OPERATOR, READ_ONLY, VM_ADMIN, VM_OPERATOR, VM_POWER_ADMIN

CLASS = cls(
    "network",
    handled_accessors=["create", "destroy", "set_MTU"],
    doc="A virtual switch across the hosts of a pool; VIFs and PIFs on it can reach each other.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=VM_ADMIN,
    create_destroy=True,
    enums=[
        enum("network_operations", doc="What can run on a network.", values={
            "attaching": "A VIF or PIF is being connected to it.",
        }),
        enum("network_default_locking_mode",
             doc="How VIFs that follow the network filter traffic.",
             values={
            "unlocked": "Everything passes.",
            "disabled": "Nothing passes.",
        }),
        enum("network_purpose", doc="What a network may be used for beyond guest traffic.", values={
            "nbd": "Disks may be read over NBD with TLS.",
            "insecure_nbd": "Disks may be read over NBD without encryption.",
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
              doc="Guest interfaces on the network."),
        field(DYNAMIC_RO, "PIFs", "PIF ref set", derived="PIF.network",
              doc="Host interfaces on the network, at most one a host; none for a host-internal "
                  "network."),
        field(RW, "MTU", "int", default=1500, since="midnight-ride",
              doc="Largest packet in bytes; changed on interfaces when they are plugged next."),
        field(RW, "other_config", "(string -> string) map", writer_roles=POOL_OPERATOR,
              map_key_roles={
                  "folder": VM_OPERATOR,
                  "XenCenter.CustomFields.*": VM_OPERATOR,
                  "XenCenterCreateInProgress": VM_OPERATOR,
              },
              doc="Further settings of the network by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(STATIC_RO, "bridge", "string", default="",
              doc="Name of the bridge that stands for the network on every host."),
        field(STATIC_RO, "managed", "bool", default=True, since="falcon",
              doc="True when the toolstack makes and removes the bridge; false for one that "
                  "others made."),
        field(DYNAMIC_RO, "blobs", "(string -> blob ref) map", default={}, since="orlando",
              doc="Binary data attached to the network, by name."),
        field(RW, "tags", "string set", default=[], since="orlando", writer_roles=VM_OPERATOR,
              doc="Words that users give the network to group and find it; the system attaches "
                  "no meaning to them."),
        field(DYNAMIC_RO, "default_locking_mode", "enum network_default_locking_mode",
              default="unlocked", since="tampa",
              doc="What VIFs in mode network_default do."),
        field(DYNAMIC_RO, "assigned_ips", "(VIF ref -> string) map", default={}, since="creedence",
              doc="Addresses given to guests on a host-internal network, by VIF."),
        field(DYNAMIC_RO, "purpose", "enum network_purpose set", default=[], since="inverness",
              doc="What the network may be used for beyond guest traffic."),
    ],
    messages=[
        message("attach", handled=True, roles=POOL_OPERATOR, since="miami", async_=True, hidden=True,
                doc="Bring the network up on a host.",
                params=[
                    param("network", "network ref", doc="The network to act on."),
                    param("host", "host ref", doc="The host."),
                ]),
        message("pool_introduce", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Enter a network into the database of the pool that its host joins.",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                    param("MTU", "int", doc="Largest packet in bytes."),
                    param("other_config", "(string -> string) map",
                          doc="The new object's further settings by name."),
                    param("bridge", "string", doc="Name of its bridge."),
                    param("managed", "bool",
                          doc="Whether the toolstack makes and removes the bridge."),
                    param("purpose", "enum network_purpose set",
                          doc="What it may be used for beyond guest traffic."),
                ],
                result="network ref", result_doc="The new network."),
        message("create_new_blob", roles=POOL_OPERATOR, since="orlando", async_=True,
                doc="Attach a new binary object to the network.",
                params=[
                    param("network", "network ref", doc="The network to act on."),
                    param("name", "string",
                          doc="Name of the entry in blobs; it must not be there yet."),
                    param("mime_type", "string", doc="Media type of the data."),
                    param("public", "bool", default=False,
                          doc="True lets clients read it without logging in."),
                ],
                result="blob ref", result_doc="The new blob."),
        message("set_default_locking_mode", handled=True, roles=POOL_OPERATOR, since="tampa", async_=True,
                doc="Choose what VIFs in mode network_default do; none may be plugged.",
                params=[
                    param("network", "network ref", doc="The network to change."),
                    param("value", "enum network_default_locking_mode", doc="The new mode."),
                ]),
        message("attach_for_vm", roles=VM_POWER_ADMIN, since="tampa", async_=True, hidden=True,
                doc="Bring the network up on a host because a virtual machine needs it.",
                params=[
                    param("host", "host ref", doc="The host."),
                    param("vm", "VM ref", doc="The virtual machine."),
                ]),
        message("detach_for_vm", roles=VM_POWER_ADMIN, since="tampa", async_=True, hidden=True,
                doc="Take the network down on a host when the virtual machine was the last to "
                    "need it.",
                params=[
                    param("host", "host ref", doc="The host."),
                    param("vm", "VM ref", doc="The virtual machine."),
                ]),
        message("add_purpose", handled=True, roles=POOL_ADMIN, since="inverness", async_=True,
                doc="Use the network for one more purpose; nbd and insecure_nbd exclude each "
                    "other in a pool.",
                params=[
                    param("self", "network ref", doc="The network to change."),
                    param("value", "enum network_purpose", doc="The purpose."),
                ],
                errors=["NETWORK_INCOMPATIBLE_PURPOSES"]),
        message("remove_purpose", handled=True, roles=POOL_ADMIN, since="inverness", async_=True,
                doc="Use the network for a purpose no longer; open NBD connections end.",
                params=[
                    param("self", "network ref", doc="The network to change."),
                    param("value", "enum network_purpose", doc="The purpose."),
                ]),
    ],
)
