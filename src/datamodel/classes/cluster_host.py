# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Cluster_host as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import LOCAL_ROOT, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Cluster_host",
    doc="One host's membership of a cluster.",
    since="kolkata",
    published="lima",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("cluster_host_operation", doc="What can run on one membership.", values={
            "enable": "The cluster stack starts on the host.",
            "disable": "The cluster stack stops on the host.",
            "destroy": "The host leaves the cluster.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", published="lima",
              doc="Identifies the cluster member for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(STATIC_RO, "cluster", "Cluster ref", default="OpaqueRef:NULL", published="lima",
              doc="The cluster it belongs to."),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL", published="lima",
              doc="The host that is a member."),
        field(DYNAMIC_RO, "enabled", "bool", default=False, published="lima",
              doc="True when the cluster stack shall run on the host."),
        field(STATIC_RO, "PIF", "PIF ref", default="OpaqueRef:NULL", published="lima",
              doc="The PIF over which this host talks to the others."),
        field(DYNAMIC_RO, "joined", "bool", default=True, published="lima",
              doc="True once the host has been taken into the cluster."),
        field(DYNAMIC_RO, "live", "bool", default=False, since="24.3.0", prototyped=True,
              doc="True when the other members saw the host the last time anybody looked."),
        field(DYNAMIC_RO, "last_update_live", "datetime", default="19700101T00:00:00Z",
              since="24.3.0", prototyped=True,
              doc="When live was brought up to date."),
        field(DYNAMIC_RO, "allowed_operations", "enum cluster_host_operation set", default=[],
              since="rio", persist=False,
              doc="Operations the cluster member would accept now. Advice only: the state may "
                  "change before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum cluster_host_operation) map",
              default={}, since="rio", persist=False,
              doc="Operations that run on the cluster member now, by the reference of the task "
                  "that runs them."),
        field(STATIC_RO, "other_config", "(string -> string) map", default={}, published="lima",
              doc="Further settings of the cluster member by name; a key that nobody knows is "
                  "kept and does nothing."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Let a host join the cluster.",
                params=[
                    param("cluster", "Cluster ref", doc="The cluster to join."),
                    param("host", "host ref",
                          doc="The host that joins; it must not be a member of any cluster."),
                    param("pif", "PIF ref",
                          doc="A PIF of that host on the cluster's network, with an address."),
                ],
                result="Cluster_host ref", result_doc="The new membership.",
                errors=["PIF_NOT_ATTACHED_TO_HOST", "NO_CLUSTER_HOSTS_REACHABLE"]),
        message("destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Let an enabled host leave the cluster; others keep running.",
                params=[
                    param("self", "Cluster_host ref", doc="The cluster member to remove."),
                ],
                errors=["CLUSTER_STACK_IN_USE", "CLUSTERING_DISABLED", "CLUSTER_HOST_IS_LAST"]),
        message("enable", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Start the cluster stack on the host and let it take part again.",
                params=[
                    param("self", "Cluster_host ref", doc="The cluster member to act on."),
                ],
                errors=["PIF_ALLOWS_UNPLUG", "REQUIRED_PIF_IS_UNPLUGGED"]),
        message("force_destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Let a host leave even when its cluster stack does not answer.",
                params=[
                    param("self", "Cluster_host ref", doc="The cluster member to act on."),
                ],
                errors=["CLUSTER_STACK_IN_USE"]),
        message("forget", roles=LOCAL_ROOT, since="lima", async_=True, hidden=True,
                doc="Give up a member whose host is lost for good; the host itself is not asked.",
                params=[
                    param("self", "Cluster_host ref", doc="The cluster member to remove."),
                ]),
        message("disable", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Stop the cluster stack on the host; it remains a member.",
                params=[
                    param("self", "Cluster_host ref", doc="The cluster member to act on."),
                ],
                errors=["CLUSTER_STACK_IN_USE"]),
    ],
)
