# SPDX-License-Identifier: GPL-2.0-or-later
# The XenAPI class pool_update as data: enums, fields and explicit messages. Accessors
# follow from the fields by rule and are not listed.
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, field, message, param
from roles import POOL_OPERATOR, READ_ONLY

CLASS = cls(
    "pool_update",
    doc="A package of updates on a disk, which hosts of the pool can install.",
    since="ely",
    reader_roles=READ_ONLY,
    writer_roles=POOL_OPERATOR,
    enums=[
        enum("update_after_apply_guidance",
             doc="What to restart once an update has been applied.",
             values={
            "restartHVM": "Virtual machines with their own firmware.",
            "restartPV": "Paravirtual machines.",
            "restartHost": "The host.",
            "restartXAPI": "The toolstack.",
        }),
        enum("livepatch_status", doc="What an update would need on a host.", values={
            "ok_livepatch_complete": "All of it takes effect without a restart.",
            "ok_livepatch_incomplete": "Part of it takes effect without a restart.",
            "ok": "It can be applied, and takes effect as its guidance says.",
        }),
    ],
    fields=[
        field(DYNAMIC_RO, "uuid", "string", since="rio",
              doc="Identifies the update for ever: 36 characters, kept over restarts and never "
                  "used again."),
        field(STATIC_RO, "name_label", "string", default="", since="rio", path="name/label",
              doc="Name of the update for people; two may have the same one."),
        field(STATIC_RO, "name_description", "string", default="", since="rio",
              path="name/description",
              doc="Free text that tells people what the update is for."),
        field(STATIC_RO, "version", "string", default="",
              doc="Version of the update."),
        field(STATIC_RO, "installation_size", "int", default=0,
              doc="Bytes it takes once installed."),
        field(STATIC_RO, "key", "string", default="",
              doc="Name of the key it is signed with."),
        field(STATIC_RO, "after_apply_guidance", "enum update_after_apply_guidance set", default=[],
              doc="What to restart once it has been applied."),
        field(STATIC_RO, "vdi", "VDI ref", since="rio",
              doc="The disk that holds it; null once that was removed."),
        field(DYNAMIC_RO, "hosts", "host ref set", derived="host.updates",
              doc="The hosts it has been applied to."),
        field(RW, "other_config", "(string -> string) map", default={}, since="inverness",
              doc="Further settings of the update by name; a key that nobody knows is kept and "
                  "does nothing."),
        field(STATIC_RO, "enforce_homogeneity", "bool", default=False, since="inverness",
              doc="True when all hosts of the pool must have it."),
    ],
    messages=[
        message("introduce", roles=POOL_OPERATOR, async_=True,
                doc="Make an update from a disk that holds one.",
                params=[
                    param("vdi", "VDI ref", doc="The disk."),
                ],
                result="pool_update ref", result_doc="The new update."),
        message("precheck", roles=POOL_OPERATOR, async_=True,
                doc="Tell whether a host could install the update.",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                    param("host", "host ref", doc="The host."),
                ],
                result="enum livepatch_status",
                result_doc="What it would need; one of the UPDATE_PRECHECK_FAILED errors when it "
                           "cannot."),
        message("apply", roles=POOL_OPERATOR, async_=True,
                doc="Install the update on one host.",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                    param("host", "host ref", doc="The host."),
                ]),
        message("pool_apply", roles=POOL_OPERATOR, async_=True,
                doc="Install the update on every host that lacks it.",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                ]),
        message("pool_clean", roles=POOL_OPERATOR, async_=True,
                doc="Delete the disk of the update; the object stays while hosts have it.",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                ]),
        message("destroy", roles=POOL_OPERATOR, async_=True,
                doc="Remove an update that no host has.",
                params=[
                    param("self", "pool_update ref", doc="The update to remove."),
                ]),
        message("attach", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Give the files of the update to a host over HTTP.",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                    param("use_localhost_proxy", "bool", default=False,
                          doc="True: by way of the host's own address."),
                ],
                result="string", result_doc="The URL of the files."),
        message("detach", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Give the files of the update no longer.",
                params=[
                    param("self", "pool_update ref", doc="The update to act on."),
                ]),
        message("resync_host", roles=POOL_OPERATOR, async_=True, hidden=True,
                doc="Correct which updates and patches a host has.",
                params=[
                    param("host", "host ref", doc="The host."),
                ]),
    ],
)
