# SPDX-License-Identifier: GPL-2.0-or-later
# Writes the API reference: one Markdown page a class, an index, the errors, the enums, the alerts.
import roles


def _anchor(name):
    return name.lower().replace(" ", "-")


def _cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def _life(life):
    words = [f"since {life.since}"]
    if life.published:
        words.append(f"published in {life.published}")
    if life.deprecated:
        words.append(f"**deprecated** in {life.deprecated}")
    elif life.prototyped:
        words.append("*prototype, may change*")
    return ", ".join(words)


_WHO = {"ReadWrite": "read and write", "StaticReadOnly": "given to create", "DynamicReadOnly":
        "read only"}


def _default(row):
    return f", default `{row.default!r}`" if row.has_default else ""


def _field(cls, f):
    notes = [_WHO[f.qualifier] + _default(f)]
    if f.derived:
        notes.append(f"computed from {f.derived}")
    if not f.persist or not cls.persist:
        notes.append("not kept over a restart")
    if f.qualifier == "ReadWrite":
        notes.append(f"written by {roles.describe(f.writer_roles or cls.writer_roles)}")
    if f.reader_roles:
        notes.append(f"read by {roles.describe(f.reader_roles)}")
    notes += [f"key `{key}` by {roles.describe(r)}" for key, r in f.map_key_roles.items()]
    notes.append(_life(f.life))
    return f"| `{f.name}` | `{_cell(f.type)}` | {_cell(f.doc)} | {_cell('; '.join(notes))} |"


def _message(cls, m):
    params = ", ".join(f"{p.type} {p.name}" for p in m.params)
    out = [f"### {cls.name}.{m.name}", "", f"    {m.result} {cls.name}.{m.name}({params})", "",
           m.doc, ""]
    out += [f"- `{p.name}` (`{p.type}`{_default(p)}): {p.doc}" for p in m.params]
    if m.result != "void":
        out.append(f"- Returns `{m.result}`: {m.result_doc}")
    if m.errors:
        out.append("- Errors: " + ", ".join(f"[{e}](errors.md#{_anchor(e)})" for e in m.errors))
    notes = [f"Role: {roles.describe(m.roles)}", _life(m.life)]
    notes += ["needs no session"] if not m.session else []
    notes += ["also as Async"] if m.async_ else []
    notes += ["not implemented yet"] if not m.handled else []
    return out + ["- " + "; ".join(notes), ""]


def _class_page(cls):
    out = [f"# {cls.name}", "", cls.doc, "", _life(cls.life).capitalize() + ".", ""]
    shown = [f for f in cls.fields if not f.internal]
    if shown:
        out += ["## Fields", "", "| name | type | meaning | notes |", "|---|---|---|---|"]
        out += [_field(cls, f) for f in shown] + [""]
    explicit = [m for m in cls.messages if not m.hidden]
    if explicit:
        out += ["## Messages", ""]
        for m in explicit:
            out += _message(cls, m)
    accessors = [m.name for m in cls.all_messages if m.accessor != "None" and not m.hidden]
    if accessors:
        out += ["## Accessors", "", "These follow from the fields: "
                + ", ".join(f"`{name}`" for name in accessors) + ".", ""]
    if cls.enums:
        out += ["## Enums", ""] + _enum_sections(cls.enums, "###")
    return "\n".join(out)


def _enum_sections(enums, level):
    out = []
    for e in enums:
        out += [f"{level} {e.name}", "", e.doc, "", "| value | meaning |", "|---|---|"]
        out += [f"| `{v}` | {_cell(doc)} |" for v, doc in e.values.items()]
        out.append("")
    return out


def files(model):
    """Every page: file name -> text."""
    live = [c for c in model.classes if not c.removed_class]
    index = ["# XenAPI reference", "", "Made from the data model in src/datamodel/.", "",
             "- [Errors](errors.md)", "- [Enums](enums.md)", "- [Alerts](alerts.md)",
             "- [Roles](roles.md)", "", "| class | meaning |", "|---|---|"]
    index += [f"| [{c.name}]({c.name}.md) | {_cell(c.doc)} |" for c in live]
    gone = [c.name for c in model.classes if c.removed_class]
    index += ["", f"Removed classes, whose messages answer MESSAGE_REMOVED: {', '.join(gone)}."]
    errors = ["# Errors", ""]
    for e in model.errors:
        names = "any" if e.params is None else ", ".join(e.params) or "none"
        errors += [f"## {e.code}", "", e.doc, "", f"Parameters: {names}.", ""]
    alerts = ["# Alerts", "", "| name | priority | meaning |", "|---|---|---|"]
    alerts += [f"| {_cell(a.name)} | {a.priority} | {_cell(a.doc)} |" for a in model.alerts]
    role_page = ["# Roles", "", "Most powerful first.", "", "| role | may |", "|---|---|"]
    role_page += [f"| {name} | {_cell(doc)} |" for name, doc in roles.ROLES.items()]
    out = {f"{c.name}.md": _class_page(c) for c in live}
    out["index.md"] = "\n".join(index) + "\n"
    out["errors.md"] = "\n".join(errors)
    out["enums.md"] = "\n".join(["# Enums", ""] + _enum_sections(model.enums, "##"))
    out["alerts.md"] = "\n".join(alerts) + "\n"
    out["roles.md"] = "\n".join(role_page) + "\n"
    return out
