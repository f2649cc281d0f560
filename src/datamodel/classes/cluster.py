# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Cluster as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Cluster",
    doc="Hosts of the pool that keep a common membership view through a cluster stack, for "
        "clustered storage and high availability.",
    since="kolkata",
    published="lima",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("cluster_operation", doc="What can run on a cluster as a whole.", values={
            "add": "A host joins.",
            "remove": "A host leaves.",
            "enable": "The cluster stack starts on a member.",
            "disable": "The cluster stack stops on a member.",
            "destroy": "The cluster is taken apart.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", published="lima",
              doc="Identifies the cluster for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(DYNAMIC_RO, "cluster_hosts", "Cluster_host ref set", published="lima",
              derived="Cluster_host.cluster",
              doc="The hosts that belong to the cluster, one object each."),
        field(DYNAMIC_RO, "pending_forget", "string set", default=[], since="lima",
              doc="Addresses of members that were given up and that the others have not "
                  "forgotten yet."),
        field(STATIC_RO, "cluster_token", "string", default="", published="lima",
              doc="Secret that a host must know to join; never leaves the pool."),
        field(STATIC_RO, "cluster_stack", "string", default="corosync", published="lima",
              doc="Name of the cluster stack; corosync is the only one."),
        field(STATIC_RO, "cluster_stack_version", "int", default=2, since="24.15.0",
              prototyped=True,
              doc="Version of the stack's protocol that all members speak."),
        field(DYNAMIC_RO, "is_quorate", "bool", default=False, since="24.3.0", prototyped=True,
              doc="True when enough members see each other to act for the cluster."),
        field(DYNAMIC_RO, "quorum", "int", default=0, since="24.3.0", prototyped=True,
              doc="How many members must see each other."),
        field(DYNAMIC_RO, "live_hosts", "int", default=0, since="24.3.0", prototyped=True,
              doc="How many members are in touch now."),
        field(DYNAMIC_RO, "expected_hosts", "int", default=0, since="25.17.0", prototyped=True,
              doc="How many members there should be."),
        field(DYNAMIC_RO, "allowed_operations", "enum cluster_operation set", default=[],
              since="rio", persist=False,
              doc="Operations the cluster would accept now. Advice only: the state may change "
                  "before the call comes."),
        field(DYNAMIC_RO, "current_operations", "(string -> enum cluster_operation) map",
              default={}, since="rio", persist=False,
              doc="Operations that run on the cluster now, by the reference of the task that "
                  "runs them."),
        field(STATIC_RO, "pool_auto_join", "bool", default=True, published="lima",
              doc="True when a host that joins the pool joins the cluster as well."),
        field(STATIC_RO, "token_timeout", "float", default=20.0, published="lima",
              doc="Seconds without the token after which a member is taken for lost."),
        field(STATIC_RO, "token_timeout_coefficient", "float", default=1.0, published="lima",
              doc="Seconds added to token_timeout for each member above two."),
        field(STATIC_RO, "cluster_config", "(string -> string) map", default={}, published="lima",
              doc="Further settings of the cluster stack."),
        field(RW, "other_config", "(string -> string) map", default={}, published="lima",
              doc="Further settings of the cluster by name; a key that nobody knows is kept and "
                  "does nothing."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Make a cluster that has one member, the host of a PIF.",
                params=[
                    param("PIF", "PIF ref",
                          doc="The PIF over which members talk; it needs an address and may not "
                              "be unplugged afterwards."),
                    param("cluster_stack", "string", doc="The cluster stack to use."),
                    param("pool_auto_join", "bool",
                          doc="Whether hosts that join the pool later join the cluster too."),
                    param("token_timeout", "float", default=20.0,
                          doc="Seconds without the token after which a member is lost; at least "
                              "1."),
                    param("token_timeout_coefficient", "float", default=1.0,
                          doc="Seconds added for each member above two."),
                ],
                result="Cluster ref", result_doc="The new cluster.",
                errors=[
                    "INVALID_CLUSTER_STACK", "INVALID_VALUE", "PIF_ALLOWS_UNPLUG",
                    "REQUIRED_PIF_IS_UNPLUGGED",
                ]),
        message("destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Take apart a cluster that has at most one member left.",
                params=[
                    param("self", "Cluster ref", doc="The cluster to remove."),
                ],
                errors=["CLUSTER_DOES_NOT_HAVE_ONE_NODE", "CLUSTER_STACK_IN_USE"]),
        message("get_network", roles=READ_ONLY, published="lima", async_=True,
                doc="Find the network over which the members talk.",
                params=[
                    param("self", "Cluster ref", doc="The cluster to read."),
                ],
                result="network ref",
                result_doc="That network; an error when the members are on different ones."),
        message("pool_create", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Make a cluster of all hosts of the pool.",
                params=[
                    param("network", "network ref",
                          doc="The network that the hosts talk over; each needs a PIF with an "
                              "address on it."),
                    param("cluster_stack", "string", doc="The cluster stack to use."),
                    param("token_timeout", "float", default=20.0,
                          doc="Seconds without the token after which a member is lost; at least "
                              "1."),
                    param("token_timeout_coefficient", "float", default=1.0,
                          doc="Seconds added for each member above two."),
                ],
                result="Cluster ref", result_doc="The new cluster."),
        message("pool_force_destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Take a cluster apart even where members do not answer or fail to stop.",
                params=[
                    param("self", "Cluster ref", doc="The cluster to act on."),
                ],
                errors=["CLUSTER_FORCE_DESTROY_FAILED"]),
        message("pool_destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Let every member leave, then take the cluster apart; stops at the first "
                    "failure.",
                params=[
                    param("self", "Cluster ref", doc="The cluster to act on."),
                ],
                errors=["CLUSTER_STACK_IN_USE", "CLUSTERING_DISABLED", "CLUSTER_HOST_IS_LAST"]),
        message("pool_resync", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="Make the membership what the database says: hosts that should be members "
                    "join, others leave.",
                params=[
                    param("self", "Cluster ref", doc="The cluster to act on."),
                ]),
        message("cstack_sync", roles=POOL_OPERATOR, published="lima", async_=True, hidden=True,
                pool_internal=True,
                doc="Read membership and quorum from the cluster stack into the database.",
                params=[
                    param("self", "Cluster ref", doc="The cluster to act on."),
                ]),
    ],
)
