# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class auth as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import cls, message, param
from roles import READ_ONLY

CLASS = cls(
    "auth",
    doc="Asks the directory service (PAM, Active Directory) about names and groups; there are no "
        "objects of this class.",
    since="george",
    reader_roles=READ_ONLY,
    writer_roles=READ_ONLY,
    in_database=False,
    persist=False,
    events=False,
    messages=[
        message("get_subject_identifier", roles=READ_ONLY,
                doc="Look up the identifier under which the directory service knows a user or "
                    "group.",
                params=[
                    param("subject_name", "string",
                          doc="A login name or group name, with or without its domain."),
                ],
                result="string",
                result_doc="The identifier, such as a SID; SUBJECT_CANNOT_BE_RESOLVED when the "
                           "name is unknown."),
        message("get_subject_information_from_identifier", roles=READ_ONLY,
                doc="Read what the directory service knows of a user or group.",
                params=[
                    param("subject_identifier", "string",
                          doc="The identifier that get_subject_identifier gave."),
                ],
                result="(string -> string) map",
                result_doc="Attributes by name, such as subject-name and subject-is-group; which "
                           "ones there are depends on the service."),
        message("get_group_membership", roles=READ_ONLY,
                doc="List the groups a user or group is in, also through other groups.",
                params=[
                    param("subject_identifier", "string", doc="The identifier of the member."),
                ],
                result="string set", result_doc="The identifiers of those groups."),
    ],
)
