# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class PIF_metrics as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, cls, field
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "PIF_metrics",
    doc="Figures of a PIF that change often, kept apart so that its own record stays quiet.",
    since="rio",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the PIF metrics for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(DYNAMIC_RO, "carrier", "bool",
              doc="True when the link is up."),
        field(DYNAMIC_RO, "vendor_id", "string",
              doc="Identifier of the card's maker in hexadecimal."),
        field(DYNAMIC_RO, "vendor_name", "string",
              doc="Name of the card's maker."),
        field(DYNAMIC_RO, "device_id", "string",
              doc="Identifier of the card in hexadecimal."),
        field(DYNAMIC_RO, "device_name", "string",
              doc="Name of the card."),
        field(DYNAMIC_RO, "speed", "int",
              doc="Speed of the link in Mbit/s; 0 when unknown."),
        field(DYNAMIC_RO, "duplex", "bool",
              doc="True when the link sends and receives at the same time."),
        field(DYNAMIC_RO, "pci_bus_path", "string",
              doc="Place of the card on the PCI bus."),
        field(DYNAMIC_RO, "last_updated", "datetime",
              doc="When these figures were taken."),
        field(RW, "other_config", "(string -> string) map", default={}, since="orlando",
              doc="Further settings of the PIF metrics by name; a key that nobody knows is kept "
                  "and does nothing."),
    ],
    removed=["get_io_read_kbs", "get_io_write_kbs"],
)
