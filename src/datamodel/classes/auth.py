# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class auth as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import cls, message, param
from roles import READ_ONLY

CLASS = cls(
    "auth",
    doc="",
    since="george",
    reader_roles=READ_ONLY,
    writer_roles=READ_ONLY,
    in_database=False,
    persist=False,
    events=False,
    messages=[
        message("get_subject_identifier", roles=READ_ONLY,
                doc="",
                params=[
                    param("subject_name", "string", doc=""),
                ],
                result="string", result_doc=""),
        message("get_subject_information_from_identifier", roles=READ_ONLY,
                doc="",
                params=[
                    param("subject_identifier", "string", doc=""),
                ],
                result="(string -> string) map", result_doc=""),
        message("get_group_membership", roles=READ_ONLY,
                doc="",
                params=[
                    param("subject_identifier", "string", doc=""),
                ],
                result="string set", result_doc=""),
    ],
)
