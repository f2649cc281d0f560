# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Rate_limit as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "Rate_limit",
    doc="A bound on how fast callers may call, as a bucket of tokens that fills at a steady rate.",
    since="26.17.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc="Identifies the rate limit for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(RW, "name_label", "string", default="", prototyped=True, path="name/label",
              doc="Name of the rate limit for people; two may have the same one."),
        field(RW, "name_description", "string", default="", prototyped=True,
              path="name/description",
              doc="Free text that tells people what the rate limit is for."),
        field(DYNAMIC_RO, "callers", "Caller ref set", prototyped=True, derived="Caller.rate_limit",
              doc="The callers that share the bucket."),
        field(STATIC_RO, "burst_size", "float", default=0.0, prototyped=True,
              doc="Tokens the bucket holds when full."),
        field(STATIC_RO, "fill_rate", "float", default=0.0, prototyped=True,
              doc="Tokens that come in each second."),
    ],
    messages=[
        message("add_caller", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Put a caller under the limit.",
                params=[
                    param("self", "Rate_limit ref", doc="The rate limit to change."),
                    param("caller", "Caller ref",
                          doc="The caller; one that had another limit loses it."),
                ]),
        message("remove_caller", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Take a caller out of the limit.",
                params=[
                    param("self", "Rate_limit ref", doc="The rate limit to change."),
                    param("caller", "Caller ref", doc="The caller."),
                ]),
        message("set_burst_size", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Change what the bucket holds.",
                params=[
                    param("self", "Rate_limit ref", doc="The rate limit to change."),
                    param("value", "float", doc="Tokens; more than 0."),
                ]),
        message("set_fill_rate", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Change how fast the bucket fills.",
                params=[
                    param("self", "Rate_limit ref", doc="The rate limit to change."),
                    param("value", "float", doc="Tokens a second; more than 0."),
                ]),
    ],
)
