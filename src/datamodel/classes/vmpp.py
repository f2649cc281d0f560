# SPDX-License-Identifier: GPL-2.0-or-later
# The removed XenAPI class VMPP: only the names of its messages are known, and each answers
# MESSAGE_REMOVED.
from idl import cls

CLASS = cls(
    "VMPP",
    doc="Protection policies of older releases; snapshot schedules have taken their place.",
    since="cowley",
    removed_class=True,
    removed=[
        "get_record", "get_by_uuid", "create", "destroy", "get_by_name_label", "get_uuid",
        "get_name_label", "get_name_description", "get_is_policy_enabled", "get_backup_type",
        "get_backup_retention_value", "get_backup_frequency", "get_backup_schedule",
        "get_is_backup_running", "get_backup_last_run_time", "get_archive_target_type",
        "get_archive_target_config", "get_archive_frequency", "get_archive_schedule",
        "get_is_archive_running", "get_archive_last_run_time", "get_VMs", "get_is_alarm_enabled",
        "get_alarm_config", "get_recent_alerts", "set_name_label", "set_name_description",
        "set_is_policy_enabled", "set_backup_type", "protect_now", "archive_now", "create_alert",
        "get_alerts", "set_backup_retention_value", "set_is_backup_running",
        "set_is_archive_running", "set_backup_frequency", "set_backup_schedule",
        "set_archive_frequency", "set_archive_schedule", "set_archive_target_type",
        "set_archive_target_config", "set_is_alarm_enabled", "set_alarm_config",
        "add_to_backup_schedule", "add_to_archive_target_config", "add_to_archive_schedule",
        "add_to_alarm_config", "remove_from_backup_schedule", "remove_from_archive_target_config",
        "remove_from_archive_schedule", "remove_from_alarm_config", "set_backup_last_run_time",
        "set_archive_last_run_time", "get_all", "get_all_where", "get_all_records_where",
        "get_all_records",
    ],
)
