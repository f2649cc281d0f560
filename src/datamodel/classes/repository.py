# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class Repository as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR_OR_CLIENT_CERT, READ_ONLY

CLASS = cls(
    "Repository",
    doc="A place that has packages for the hosts of the pool.",
    since="1.301.0",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR_OR_CLIENT_CERT,
    enums=[
        enum("origin", doc="What kind of place a repository is.", values={
            "remote": "A web server.",
            "bundle": "A file that somebody uploaded.",
            "remote_pool": "The coordinator of another pool.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string",
              doc="Identifies the repository for ever: 36 characters, kept over restarts and "
                  "never used again."),
        field(RW, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the repository for people; two may have the same one."),
        field(RW, "name_description", "string", default="", since="rio", path="name/description",
              doc="Free text that tells people what the repository is for."),
        field(STATIC_RO, "binary_url", "string", default="",
              doc="URL of the packages."),
        field(STATIC_RO, "source_url", "string", default="",
              doc="URL of their sources; empty when there are none."),
        field(STATIC_RO, "update", "bool", default=False,
              doc="True when it says which updates to install and what they need."),
        field(DYNAMIC_RO, "hash", "string", default="",
              doc="Checksum of what it held when it was fetched last; empty before."),
        field(STATIC_RO, "gpgkey_path", "string", default="", since="22.12.0", prototyped=True,
              doc="Path on the hosts of the key its packages are signed with; empty for the "
                  "usual one."),
        field(STATIC_RO, "origin", "enum origin", default="remote", since="24.23.0",
              prototyped=True,
              doc="What kind of place it is."),
        field(STATIC_RO, "certificate", "string", default="", since="25.7.0", prototyped=True,
              doc="Certificate of the other pool's coordinator in PEM; empty for other kinds."),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR_OR_CLIENT_CERT, async_=True,
                doc="Tell the pool of a repository on a web server.",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                    param("binary_url", "string", doc="URL of the packages."),
                    param("source_url", "string", doc="URL of their sources; may be empty."),
                    param("update", "bool", doc="Whether it says which updates to install."),
                    param("gpgkey_path", "string", default="",
                          doc="File name of its key; empty for the usual one."),
                ],
                result="Repository ref", result_doc="The new repository."),
        message("introduce_bundle", roles=POOL_OPERATOR_OR_CLIENT_CERT, since="24.23.0",
                prototyped=True, async_=True,
                doc="Make a repository that takes uploaded files.",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                ],
                result="Repository ref", result_doc="The new repository."),
        message("introduce_remote_pool", roles=POOL_OPERATOR_OR_CLIENT_CERT, since="25.7.0",
                prototyped=True, async_=True,
                doc="Make a repository that fetches from another pool.",
                params=[
                    param("name_label", "string", doc="The name for people."),
                    param("name_description", "string", doc="The free text for people."),
                    param("binary_url", "string",
                          doc="URL of the packages on the other pool's coordinator."),
                    param("certificate", "string", doc="Its certificate in PEM."),
                ],
                result="Repository ref", result_doc="The new repository."),
        message("forget", roles=POOL_OPERATOR_OR_CLIENT_CERT, async_=True,
                doc="Forget a repository that the pool does not use.",
                params=[
                    param("self", "Repository ref", doc="The repository to remove."),
                ]),
        message("apply", roles=POOL_OPERATOR_OR_CLIENT_CERT, async_=True, hidden=True,
                pool_internal=True,
                doc="Install the updates of the repository on a host.",
                params=[
                    param("host", "host ref", doc="The host."),
                ]),
        message("set_gpgkey_path", roles=POOL_OPERATOR_OR_CLIENT_CERT, since="22.12.0",
                prototyped=True, async_=True,
                doc="Change the key that the packages must be signed with.",
                params=[
                    param("self", "Repository ref", doc="The repository to change."),
                    param("value", "string", doc="File name of the key."),
                ]),
        message("apply_livepatch", roles=POOL_OPERATOR_OR_CLIENT_CERT, since="22.20.0",
                prototyped=True, async_=True, hidden=True, pool_internal=True,
                doc="Patch a running part of a host.",
                params=[
                    param("host", "host ref", doc="The host."),
                    param("component", "string", doc="The part: xen or kernel."),
                    param("base_build_id", "string", doc="Build identifier of what runs now."),
                    param("base_version", "string", doc="Version the patch is for."),
                    param("base_release", "string", doc="Release the patch is for."),
                    param("to_version", "string", doc="Version it leads to."),
                    param("to_release", "string", doc="Release it leads to."),
                ]),
    ],
    removed=["get_up_to_date"],
)
