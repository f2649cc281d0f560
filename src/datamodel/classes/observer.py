# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Observer as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, field, message, param
from roles import POOL_ADMIN, READ_ONLY

CLASS = cls(
    "Observer",
    doc="Says which parts of the toolstack write down how calls travel through them, and where.",
    since="23.14.0",
    prototyped=True,
    reader_roles=READ_ONLY,
    writer_roles=POOL_ADMIN,
    create_destroy=True,
    fields=[
        field(DYNAMIC_RO, "uuid", "string", prototyped=True,
              doc="Identifies the observer for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the observer for people; two may have the same one."),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc="Free text that tells people what the observer is for."),
        field(STATIC_RO, "hosts", "host ref set", default=[], prototyped=True, stored=True,
              doc="Hosts that take part; empty stands for all."),
        field(STATIC_RO, "attributes", "(string -> string) map", default={}, prototyped=True,
              doc="Names and values added to what is written."),
        field(STATIC_RO, "endpoints", "string set", default=[], prototyped=True,
              doc="Where it goes: bugtool for files on the host, or URLs of collectors."),
        field(STATIC_RO, "components", "string set", default=[], prototyped=True,
              doc="Parts of the toolstack that take part; empty stands for all."),
        field(STATIC_RO, "enabled", "bool", default=False, prototyped=True,
              doc="True when anything is written."),
    ],
    messages=[
        message("register", roles=POOL_ADMIN, prototyped=True, async_=True, hidden=True,
                doc="Tell a host about the observer.",
                params=[
                    param("self", "Observer ref", doc="The observer to act on."),
                    param("host", "host ref", doc="The host."),
                ]),
        message("unregister", roles=POOL_ADMIN, prototyped=True, async_=True, hidden=True,
                doc="Make a host forget the observer.",
                params=[
                    param("self", "Observer ref", doc="The observer to act on."),
                    param("host", "host ref", doc="The host."),
                ]),
        message("set_hosts", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Replace the hosts that take part.",
                params=[
                    param("self", "Observer ref", doc="The observer to change."),
                    param("value", "host ref set", doc="The hosts; empty for all."),
                ]),
        message("set_enabled", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Start or stop writing.",
                params=[
                    param("self", "Observer ref", doc="The observer to change."),
                    param("value", "bool", doc="True to start."),
                ]),
        message("set_attributes", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Replace what is added to everything written.",
                params=[
                    param("self", "Observer ref", doc="The observer to change."),
                    param("value", "(string -> string) map", doc="Names and values."),
                ]),
        message("set_endpoints", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Replace where it goes.",
                params=[
                    param("self", "Observer ref", doc="The observer to change."),
                    param("value", "string set", doc="bugtool, or URLs."),
                ]),
        message("set_components", roles=POOL_ADMIN, prototyped=True, async_=True,
                doc="Replace the parts that take part.",
                params=[
                    param("self", "Observer ref", doc="The observer to change."),
                    param("value", "string set", doc="Names of parts; empty for all."),
                ]),
    ],
)
