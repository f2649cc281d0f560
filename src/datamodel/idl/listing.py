# SPDX-License-Identifier: GPL-2.0-or-later
# The model as sorted lines, one a row: what the golden files in tests/golden/datamodel/ hold.
# A line says everything of the row that a client can see, and nothing of its documentation.
import json

import roles

_SPELLED = {
    roles.POOL_ADMIN: ">=pool-admin",
    roles.POOL_OPERATOR: ">=pool-operator",
    roles.VM_POWER_ADMIN: ">=vm-power-admin",
    roles.VM_ADMIN: ">=vm-admin",
    roles.VM_OPERATOR: ">=vm-operator",
    roles.CLIENT_CERT: ">=client-cert",
    roles.READ_ONLY: ">=read-only",
    roles.POOL_OPERATOR_OR_CLIENT_CERT: ">=pool-operator+client-cert",
    roles.VM_POWER_ADMIN_OR_CLIENT_CERT: ">=vm-power-admin+client-cert",
    roles.LOCAL_ROOT: "none",
}


def _life(life):
    return [life.state.lower(), f"since={life.since}"]


def _method(cls, m):
    name = f"{cls.name}.{m.name}"
    if m.removed:
        return f"{name} removed"
    params = ", ".join(p.type + ("?" if p.has_default else "") for p in m.params)
    words = [f"{name}({params}) -> {m.result} {_SPELLED[m.roles]}"]
    words += [] if m.session else ["no-session"]
    for flag in ("async_", "hidden", "pool_internal", "secret", "emergency"):
        words += [flag.rstrip("_").replace("_", "-")] if getattr(m, flag) else []
    words += _life(m.life)
    words += [key + _SPELLED[given] for key, given in sorted(m.map_key_roles.items())]
    return " ".join(words)


def methods(model):
    return sorted(_method(c, m) for c in model.classes for m in c.all_messages)


def _field(cls, f):
    words = [f"{cls.name}.{f.name}: {f.type} {f.qualifier}"]
    words += ["default=" + json.dumps(f.default)] if f.has_default else []
    words += ["internal"] if f.internal else []
    words += [] if f.persist and cls.persist or not cls.in_database else ["in-memory"]
    return " ".join(words + _life(f.life))


def fields(model):
    return sorted(_field(c, f) for c in model.classes for f in c.fields)


def enums(model):
    return sorted(f"{e.name}: {' '.join(e.values)}" for e in model.enums)


def errors(model):
    return sorted(f"{e.code} [{'...' if e.params is None else ', '.join(e.params)}]"
                  for e in model.errors)


def alerts(model):
    return sorted(f"{a.name} {a.priority}" for a in model.alerts)


LISTINGS = {"methods": methods, "fields": fields, "enums": enums, "errors": errors,
            "alerts": alerts}
