# SPDX-License-Identifier: GPL-2.0-or-later
# The removed XenAPI class VIF_metrics: only the names of its messages are known, and each answers
# MESSAGE_REMOVED.
from idl import cls

CLASS = cls(
    "VIF_metrics",
    doc="Figures of VIFs of older releases; the metrics over HTTP have taken their place.",
    since="rio",
    removed_class=True,
    removed=[
        "get_record", "get_by_uuid", "get_uuid", "get_io_read_kbs", "get_io_write_kbs",
        "get_last_updated", "get_other_config", "set_other_config", "add_to_other_config",
        "remove_from_other_config", "get_all", "get_all_where", "get_all_records_where",
        "get_all_records",
    ],
)
