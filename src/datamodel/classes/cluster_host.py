# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Cluster_host as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, STATIC_RO, cls, enum, field, message, param
from roles import LOCAL_ROOT, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Cluster_host",
    doc="",
    since="kolkata",
    published="lima",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("cluster_host_operation", doc="", values={
            "enable": "",
            "disable": "",
            "destroy": "",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", published="lima",
              doc=""),
        field(STATIC_RO, "cluster", "Cluster ref", default="OpaqueRef:NULL", published="lima",
              doc=""),
        field(STATIC_RO, "host", "host ref", default="OpaqueRef:NULL", published="lima",
              doc=""),
        field(DYNAMIC_RO, "enabled", "bool", default=False, published="lima",
              doc=""),
        field(STATIC_RO, "PIF", "PIF ref", default="OpaqueRef:NULL", published="lima",
              doc=""),
        field(DYNAMIC_RO, "joined", "bool", default=True, published="lima",
              doc=""),
        field(DYNAMIC_RO, "live", "bool", default=False, since="24.3.0", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "last_update_live", "datetime", default="19700101T00:00:00Z",
              since="24.3.0", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "allowed_operations", "enum cluster_host_operation set", default=[],
              since="rio", persist=False,
              doc=""),
        field(DYNAMIC_RO, "current_operations", "(string -> enum cluster_host_operation) map",
              default={}, since="rio", persist=False,
              doc=""),
        field(STATIC_RO, "other_config", "(string -> string) map", default={}, published="lima",
              doc=""),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="",
                params=[
                    param("cluster", "Cluster ref", doc=""),
                    param("host", "host ref", doc=""),
                    param("pif", "PIF ref", doc=""),
                ],
                result="Cluster_host ref", result_doc="",
                errors=["PIF_NOT_ATTACHED_TO_HOST", "NO_CLUSTER_HOSTS_REACHABLE"]),
        message("destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="",
                params=[
                    param("self", "Cluster_host ref", doc=""),
                ],
                errors=["CLUSTER_STACK_IN_USE", "CLUSTERING_DISABLED", "CLUSTER_HOST_IS_LAST"]),
        message("enable", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="",
                params=[
                    param("self", "Cluster_host ref", doc=""),
                ],
                errors=["PIF_ALLOWS_UNPLUG", "REQUIRED_PIF_IS_UNPLUGGED"]),
        message("force_destroy", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="",
                params=[
                    param("self", "Cluster_host ref", doc=""),
                ],
                errors=["CLUSTER_STACK_IN_USE"]),
        message("forget", roles=LOCAL_ROOT, since="lima", async_=True, hidden=True,
                doc="",
                params=[
                    param("self", "Cluster_host ref", doc=""),
                ]),
        message("disable", roles=POOL_OPERATOR, published="lima", async_=True,
                doc="",
                params=[
                    param("self", "Cluster_host ref", doc=""),
                ],
                errors=["CLUSTER_STACK_IN_USE"]),
    ],
)
