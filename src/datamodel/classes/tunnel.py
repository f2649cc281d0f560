# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class tunnel as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "tunnel",
    doc="Carries the packets of a network inside those of another one.",
    since="cowley",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("tunnel_protocol", doc="How packets are wrapped.", values={
            "gre": "In GRE.",
            "vxlan": "In VXLAN over UDP.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the tunnel for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "access_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF that stands for the inner end."),
        field(STATIC_RO, "transport_PIF", "PIF ref", default="OpaqueRef:NULL",
              doc="The PIF that the wrapped packets pass."),
        field(RW, "status", "(string -> string) map", default={"active": "false"},
              doc="active says whether it works; key is what tells it from others."),
        field(RW, "other_config", "(string -> string) map", default={},
              doc="Further settings of the tunnel by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(RW, "protocol", "enum tunnel_protocol", default="gre", since="1.250.0",
              doc="How packets are wrapped."),
    ],
    messages=[
        message("create", roles=POOL_OPERATOR, async_=True,
                doc="Make a tunnel for a network over a PIF.",
                params=[
                    param("transport_PIF", "PIF ref", doc="A PIF with an address."),
                    param("network", "network ref",
                          doc="The network whose packets shall be carried."),
                    param("protocol", "enum tunnel_protocol", default="gre",
                          doc="How to wrap them."),
                ],
                result="tunnel ref", result_doc="The new tunnel.",
                errors=[
                    "OPENVSWITCH_NOT_ACTIVE", "TRANSPORT_PIF_NOT_CONFIGURED",
                    "IS_TUNNEL_ACCESS_PIF",
                ]),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Remove the tunnel and its inner PIF.",
                params=[
                    param("self", "tunnel ref", doc="The tunnel to remove."),
                ]),
    ],
)
