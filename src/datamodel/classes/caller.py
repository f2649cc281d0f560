# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Caller as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Caller",
    doc="",
    since="26.17.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc=""),
        field(RW, "name_label", "string", default="", prototyped=True, path="name/label",
              doc=""),
        field(RW, "name_description", "string", default="", prototyped=True,
              path="name/description",
              doc=""),
        field(STATIC_RO, "user_agent", "string", default="", prototyped=True,
              doc=""),
        field(STATIC_RO, "client_ip", "string", default="", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "last_access", "datetime", default="19700101T00:00:00Z", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "groups", "string set", default=[], prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "rate_limit", "Rate_limit ref", default="OpaqueRef:NULL", prototyped=True,
              doc=""),
        field(DYNAMIC_RO, "auto_registered", "bool", default=False, prototyped=True,
              doc=""),
    ],
    messages=[
        message("add_group", roles=POOL_OPERATOR, prototyped=True, async_=True,
                doc="",
                params=[
                    param("self", "Caller ref", doc=""),
                    param("group", "string", doc=""),
                ]),
        message("remove_group", roles=POOL_OPERATOR, prototyped=True, async_=True,
                doc="",
                params=[
                    param("self", "Caller ref", doc=""),
                    param("group", "string", doc=""),
                ]),
        message("query_token_usage", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="",
                params=[
                    param("self", "Caller ref", doc=""),
                ],
                result="float", result_doc=""),
        message("query_call_count", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="",
                params=[
                    param("self", "Caller ref", doc=""),
                ],
                result="int", result_doc=""),
        message("query_group_token_usage", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="",
                params=[
                    param("group", "string", doc=""),
                ],
                result="float", result_doc=""),
        message("query_group_call_count", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="",
                params=[
                    param("group", "string", doc=""),
                ],
                result="int", result_doc=""),
        message("query_all_usage", roles=POOL_OPERATOR, prototyped=True, async_=True,
                doc="",
                result="string set set", result_doc=""),
    ],
)
