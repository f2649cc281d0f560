# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Caller as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "Caller",
    doc="A kind of API client, told apart by its user agent and address, whose calls are counted "
        "and may be limited.",
    since="26.17.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc="Identifies the caller for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "name_label", "string", default="", prototyped=True, path="name/label",
              doc="Name of the caller for people; two may have the same one."),
        field(RW, "name_description", "string", default="", prototyped=True,
              path="name/description",
              doc="Free text that tells people what the caller is for."),
        field(STATIC_RO, "user_agent", "string", default="", prototyped=True,
              doc="The user agent by which such clients are recognised; empty matches any."),
        field(STATIC_RO, "client_ip", "string", default="", prototyped=True,
              doc="The address by which such clients are recognised; empty matches any."),
        field(DYNAMIC_RO, "last_access", "datetime", default="19700101T00:00:00Z", prototyped=True,
              doc="When such a client called last; the epoch when none has yet."),
        field(DYNAMIC_RO, "groups", "string set", default=[], prototyped=True,
              doc="Names under which several callers are counted together."),
        field(DYNAMIC_RO, "rate_limit", "Rate_limit ref", default="OpaqueRef:NULL", prototyped=True,
              doc="The limit that applies to these clients; null when there is none."),
        field(DYNAMIC_RO, "auto_registered", "bool", default=False, prototyped=True,
              doc="True when the system made the object because a client called that no other "
                  "one matches."),
    ],
    messages=[
        message("add_group", roles=POOL_OPERATOR, prototyped=True, async_=True,
                doc="Count the caller under one more group.",
                params=[
                    param("self", "Caller ref", doc="The caller to change."),
                    param("group", "string",
                          doc="The name of the group; it comes into being with its first member."),
                ]),
        message("remove_group", roles=POOL_OPERATOR, prototyped=True, async_=True,
                doc="No longer count the caller under a group.",
                params=[
                    param("self", "Caller ref", doc="The caller to change."),
                    param("group", "string", doc="The name of the group."),
                ]),
        message("query_token_usage", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="Tell how much of its rate limit the caller has used lately.",
                params=[
                    param("self", "Caller ref", doc="The caller to read."),
                ],
                result="float", result_doc="Tokens taken per second."),
        message("query_call_count", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="Tell how often clients of this kind have called since xapi started.",
                params=[
                    param("self", "Caller ref", doc="The caller to read."),
                ],
                result="int", result_doc="The number of calls."),
        message("query_group_token_usage", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="Tell how much of their limits all callers of a group have used lately.",
                params=[
                    param("group", "string", doc="The name of the group."),
                ],
                result="float", result_doc="Tokens taken per second by all of them."),
        message("query_group_call_count", roles=POOL_OPERATOR, since="26.15.0", prototyped=True,
                async_=True,
                doc="Tell how often all callers of a group have called since xapi started.",
                params=[
                    param("group", "string", doc="The name of the group."),
                ],
                result="int", result_doc="The number of calls."),
        message("query_all_usage", roles=POOL_OPERATOR, prototyped=True, async_=True,
                doc="Read the figures of every caller and group in one call.",
                result="string set set",
                result_doc="One row for each: kind, name, calls, tokens per second."),
    ],
)
