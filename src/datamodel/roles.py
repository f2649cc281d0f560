# SPDX-License-Identifier: GPL-2.0-or-later
# The roles of XenAPI, the role sets that rows name, and the permissions that are not tied to one
# message. A role set lists every role that may do a thing; a row without a set does not build.
import hashlib

# Most powerful first; the position is the bit in a RoleMask.
ROLES = {
    "pool-admin": "Everything, also other users' roles, certificates and a host's own files.",
    "pool-operator": "Everything about hosts, storage, networks and guests; no users, no roles.",
    "vm-power-admin": "As vm-admin, and chooses hosts, moves and checkpoints virtual machines.",
    "vm-admin": "Creates, changes and destroys virtual machines and their disks and interfaces.",
    "vm-operator": "Starts, stops and opens existing virtual machines, without changing them.",
    "client-cert": "A client known by its certificate alone, which may only prepare updates.",
    "read-only": "Logs in and reads everything that is no secret, and changes nothing.",
}

# Roles that can never be given to a subject.
INTERNAL_ROLES = ["client-cert"]

_DESCENDING = list(ROLES)


def _from(weakest, without=()):
    upto = _DESCENDING[: _DESCENDING.index(weakest) + 1]
    return tuple(role for role in upto if role not in without)


POOL_ADMIN = _from("pool-admin")
POOL_OPERATOR = _from("pool-operator")
VM_POWER_ADMIN = _from("vm-power-admin")
VM_ADMIN = _from("vm-admin")
VM_OPERATOR = _from("vm-operator")
CLIENT_CERT = _from("client-cert")
READ_ONLY = _from("read-only")
POOL_OPERATOR_OR_CLIENT_CERT = POOL_OPERATOR + ("client-cert",)
VM_POWER_ADMIN_OR_CLIENT_CERT = VM_POWER_ADMIN + ("client-cert",)
LOCAL_ROOT = ()  # the local unix socket and holders of the pool secret only

# Permissions that widen a message: [name, roles].
EXTRA_PERMISSIONS = {
    # Without it a caller destroys and cancels only the tasks that it made itself.
    "task.destroy/any": POOL_OPERATOR,
}


def role_uuid(name):
    """The UUID of a role object is the same everywhere: the MD5 digest of the role's name."""
    h = hashlib.md5(name.encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def mask(roles):
    """The RoleMask of a role set: bit n stands for the n-th role of ROLES."""
    return sum(1 << _DESCENDING.index(role) for role in roles)


def describe(roles):
    """The least powerful role of a set, as the reference names it."""
    if not roles:
        return "local root"
    weakest = roles[-1]
    if roles == _from(weakest):
        return weakest
    return f"{roles[-2]} or {weakest}"
