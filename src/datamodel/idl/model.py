# SPDX-License-Identifier: GPL-2.0-or-later
# From rows to a model: loads the class files, resolves every name, derives the accessors and
# refuses what is incomplete. A Model that load() returns is consistent; writers need not check.
import importlib.util
import pathlib
import re
import sys

import idl
import roles

API_VERSION = (2, 23)
SCHEMA_VERSION = (1, 0)

HERE = pathlib.Path(__file__).resolve().parent.parent

SCALARS = {
    "void": "Void", "string": "String", "int": "Int", "float": "Float", "bool": "Bool",
    "datetime": "DateTime", "secretstring": "Secret", "any": "Any",
}


class ModelError(Exception):
    """Every fault found, one a line, each naming its row."""

    def __init__(self, faults):
        super().__init__("\n".join(faults))
        self.faults = faults


class Type:
    """A resolved type: `kind` as in model.hpp, with the enum, class, member and key it needs."""

    def __init__(self, text, kind, enumeration=None, cls=None, element=None, key=None):
        self.text = text
        self.kind = kind
        self.enumeration = enumeration
        self.cls = cls
        self.element = element
        self.key = key


class Model:
    def __init__(self, classes, errors, alerts):
        self.classes = classes
        self.errors = errors
        self.alerts = alerts
        self.class_by_name = {c.name: c for c in classes}
        self.class_index = {c.name: i for i, c in enumerate(classes)}
        self.enums = [e for c in classes for e in c.enums]
        self.enum_by_name = {e.name: e for e in self.enums}
        self.types = {}  # text -> Type, members before what is made of them

    def resolve(self, text):
        """The Type of a type text; ValueError says what is wrong with it."""
        found = self.types.get(text)
        if found is None:
            found = self._parse(text)
            self.types[text] = found
        return found

    def _parse(self, text):
        if text in SCALARS:
            return Type(text, SCALARS[text])
        for suffix, kind in ((" set", "Set"), (" option", "Option")):
            if text.endswith(suffix):
                return Type(text, kind, element=self.resolve(text[: -len(suffix)]))
        if text.startswith("(") and text.endswith(") map"):
            key, value = _split_map(text[1:-5])
            return Type(text, "Map", key=self.resolve(key), element=self.resolve(value))
        m = re.fullmatch(r"enum (\w+)", text)
        if m:
            if m[1] not in self.enum_by_name:
                raise ValueError(f"unknown enum {m[1]!r}")
            return Type(text, "Enum", enumeration=self.enum_by_name[m[1]])
        m = re.fullmatch(r"(\w+) (ref|record)", text)
        if m:
            if m[1] not in self.class_by_name:
                raise ValueError(f"unknown class {m[1]!r}")
            kind = "Ref" if m[2] == "ref" else "Record"
            return Type(text, kind, cls=self.class_by_name[m[1]])
        raise ValueError(f"unknown type {text!r}")

    def field(self, cls_name, field_name):
        cls = self.class_by_name.get(cls_name)
        for f in cls.fields if cls else ():
            if f.name == field_name:
                return f
        return None


def _split_map(text):
    depth = 0
    for i, c in enumerate(text):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0 and text[i:i + 4] == " -> ":
            return text[:i], text[i + 4:]
    raise ValueError(f"malformed map type ({text}) map")


# Derived messages ---------------------------------------------------------------------------------

def _accessor(cls, name, accessor, result, params, message_roles, life, *, doc, result_doc="",
              field=None, hidden=False, async_=False, map_key_roles=None):
    return idl.Message(
        name=name, params=[idl.param(n, t, doc=d) for n, t, d in params], result=result,
        result_doc=result_doc, doc=doc, roles=message_roles, errors=[], life=life, session=True,
        async_=async_, hidden=hidden, pool_internal=False, secret=False, emergency=False,
        handled=name in cls.handled_accessors, accessor=accessor, field=field,
        map_key_roles=map_key_roles or {})


def _class_accessors(cls):
    """The messages a class has because its objects are in the database."""
    if not cls.in_database or not cls.accessors or cls.removed_class:
        return
    names = {f.path for f in cls.fields}
    self_ = ("self", f"{cls.name} ref", "The object.")
    expr = ("expr", "string", "What to select, such as field \"name__label\" = \"a\".")
    readers, writers, life = cls.reader_roles, cls.writer_roles, cls.life
    refs, records = f"{cls.name} ref set", f"({cls.name} ref -> {cls.name} record) map"

    def row(name, accessor, result, params, message_roles, doc, result_doc="", **more):
        return _accessor(cls, name, accessor, result, params, message_roles, life, doc=doc,
                         result_doc=result_doc, **more)

    if "uuid" in names:
        yield row("get_record", "GetRecord", f"{cls.name} record", [self_], readers,
                  "Read all fields of one object.", "All fields on the wire.")
        yield row("get_by_uuid", "GetByUuid", f"{cls.name} ref",
                  [("uuid", "string", "The UUID of the object sought.")], readers,
                  "Find an object by its UUID; UUID_INVALID when there is none.",
                  "The object with that UUID.")
    if cls.create_destroy:
        yield row("create", "Create", f"{cls.name} ref",
                  [("args", f"{cls.name} record", "The new object's fields; those with a default "
                    "may be left out.")], writers,
                  "Make a new object from a record.", "The new object.", async_=True, hidden=False)
        yield row("destroy", "Destroy", "void", [self_], writers,
                  "Remove the object from the database.", async_=True)
    if "name/label" in names:
        yield row("get_by_name_label", "GetByNameLabel", refs,
                  [("label", "string", "The name_label sought, compared exactly.")], readers,
                  "Find the objects of a name.",
                  "Every object of that name; empty when none has it.")
    if cls.get_all:
        yield row("get_all", "GetAll", refs, [], readers, "List every object of the class.",
                  "Every object.")
        yield row("get_all_where", "GetAllWhere", refs, [expr], readers,
                  "List the objects for which an expression over their fields is true.",
                  "The objects selected.", hidden=True)
        yield row("get_all_records_where", "GetAllRecordsWhere", records, [expr], readers,
                  "Read the records for which an expression over their fields is true.",
                  "The records selected, by object.", hidden=True)
        yield row("get_all_records", "GetAllRecords", records, [], readers,
                  "Read the records of every object of the class.", "Every record, by object.")


def _field_accessors(cls, field):
    """The messages a field has because it is on the wire."""
    if field.internal or not cls.in_database or not cls.accessors or cls.removed_class:
        return
    self_ = ("self", f"{cls.name} ref", "The object.")
    doc = field.doc

    def row(prefix, accessor, result, params, message_roles, **more):
        return _accessor(cls, f"{prefix}_{field.name}", accessor, result, [self_] + params,
                         message_roles, field.life, doc=doc, field=field, **more)

    yield row("get", "Get", field.type, [], field.reader_roles or cls.reader_roles,
              result_doc="The field's value.")
    if field.qualifier != idl.RW:
        return
    writers = field.writer_roles or cls.writer_roles
    yield row("set", "Set", "void", [("value", field.type, "The field's new value.")], writers)
    m = re.fullmatch(r"\((.+?) -> (.+)\) map", field.type)
    if m:
        key = ("key", m[1], "The key in the map.")
        yield row("add_to", "AddTo", "void", [key, ("value", m[2], "The value for that key, which "
                  "must not be there yet.")], writers, map_key_roles=field.map_key_roles)
        yield row("remove_from", "RemoveFrom", "void", [key], writers,
                  map_key_roles=field.map_key_roles)
    elif field.type.endswith(" set"):
        member = field.type[: -len(" set")]
        yield row("add", "Add", "void", [("value", member, "The member to add; nothing happens "
                  "when it is there.")], writers)
        yield row("remove", "Remove", "void", [("value", member, "The member to take out; nothing "
                  "happens when it is not there.")], writers)


def _removed(cls, name):
    """A name-only row: known so that it can answer MESSAGE_REMOVED to everybody."""
    return idl.Message(
        name=name, params=[], result="void", result_doc="", doc="No longer exists.",
        roles=roles.READ_ONLY, errors=["MESSAGE_REMOVED"], life=cls.life, session=False,
        async_=False, hidden=True, pool_internal=False, secret=False, emergency=False,
        handled=False, removed=True)


def derive(cls):
    """All messages of a class: accessors by rule, then explicit ones, then removed names. An
    explicit message takes the place of the accessor of the same name."""
    taken = {m.name for m in cls.messages} | set(cls.removed)
    derived = [m for m in _class_accessors(cls) if m.name not in taken]
    for field in cls.fields:
        derived += [m for m in _field_accessors(cls, field) if m.name not in taken]
    for m in cls.messages:
        hit = re.fullmatch(r"(?:add_to|remove_from)_(.+)", m.name)
        for f in cls.fields:
            if hit and f.name == hit[1]:
                m.map_key_roles = f.map_key_roles
    return derived + cls.messages + [_removed(cls, name) for name in cls.removed]


# Checks -------------------------------------------------------------------------------------------

def _fits(model, type_, value):
    """True when a default has the shape of its type."""
    kind = type_.kind
    if kind in ("String", "Secret", "Ref"):
        return isinstance(value, str)
    if kind == "DateTime":
        return isinstance(value, str) and bool(re.fullmatch(r"\d{8}T\d\d:\d\d:\d\dZ", value))
    if kind == "Bool":
        return isinstance(value, bool)
    if kind == "Int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "Float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "Enum":
        return isinstance(value, str) and value in type_.enumeration.values
    if kind == "Set":
        return isinstance(value, list) and all(_fits(model, type_.element, v) for v in value)
    if kind == "Map":
        return isinstance(value, dict) and all(
            _fits(model, type_.key, k) and _fits(model, type_.element, v)
            for k, v in value.items())
    return False


class _Checker:
    def __init__(self, model):
        self.model = model
        self.faults = []

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")

    def unique(self, where, names):
        seen = set()
        for name in names:
            if name in seen:
                self.fault(where, f"{name!r} stands twice")
            seen.add(name)

    def type(self, where, text):
        try:
            return self.model.resolve(text)
        except ValueError as e:
            self.fault(where, str(e))
            return None

    def default(self, where, row):
        t = self.type(where, row.type)
        if t and row.has_default and not _fits(self.model, t, row.default):
            self.fault(where, f"default {row.default!r} is no {row.type}")
        return t

    def roles(self, where, given):
        if given is None:
            self.fault(where, "has no roles")
        elif not isinstance(given, tuple) or any(r not in roles.ROLES for r in given):
            self.fault(where, f"unknown roles {given!r}")

    def model_wide(self):
        m = self.model
        self.unique("classes", [c.name.lower() for c in m.classes])
        self.unique("enums", [e.name for e in m.enums])
        self.unique("errors", [e.code for e in m.errors])
        self.unique("alerts", [a.name for a in m.alerts])
        # "VM_start" must mean one message only, however the capitals are.
        self.unique("methods", [f"{c.name}_{x.name}".lower()
                                for c in m.classes for x in c.all_messages])
        for a in m.alerts:
            if a.priority not in range(1, 6):
                self.fault(f"alert {a.name}", f"priority {a.priority} is not 1 to 5")

    def cls(self, c):
        self.unique(f"fields of {c.name}", [f.name for f in c.fields])
        for e in c.enums:
            if not e.values:
                self.fault(f"enum {e.name}", "has no values")
        if c.removed_class:
            if c.fields or c.messages or c.enums:
                self.fault(c.name, "a removed class has nothing but names of messages")
            return
        self.roles(c.name, c.reader_roles)
        self.roles(c.name, c.writer_roles)
        derived = {m.name for m in c.all_messages if m.accessor != "None"}
        for name in c.handled_accessors:
            if name not in derived:
                self.fault(c.name, f"handled_accessors names {name!r}, which is no accessor")
        for f in c.fields:
            self.field(c, f)
        for m in c.messages:
            self.message(c, m)

    def field(self, c, f):
        where = f"{c.name}.{f.name}"
        if f.path.replace("/", "_") != f.name:
            self.fault(where, f"path {f.path!r} does not spell the name")
        t = self.default(where, f)
        for given in (f.reader_roles, f.writer_roles):
            if given is not None:
                self.roles(where, given)
        for given in f.map_key_roles.values():
            self.roles(where, given)
        if t and f.map_key_roles and t.kind != "Map":
            self.fault(where, "map_key_roles on a field that is no map")
        refs = t is not None and t.kind == "Set" and t.element.kind == "Ref" and c.in_database
        if refs and bool(f.derived) == f.stored:
            self.fault(where, "a set of refs is either stored or derived")
        if not refs and (f.derived or f.stored):
            self.fault(where, "only a set of refs of a database class is stored or derived")
        if f.derived and refs:
            self.derived(c, f, t)

    def derived(self, c, f, t):
        where = f"{c.name}.{f.name}"
        other_class, _, other_name = f.derived.partition(".")
        other = self.model.field(other_class, other_name)
        if other is None:
            self.fault(where, f"derived from {f.derived}, which does not exist")
            return
        if t.element.cls.name != other_class:
            self.fault(where, f"holds {t.element.text}s but is derived from {f.derived}")
        if other.type not in (f"{c.name} ref", f"{c.name} ref set"):
            self.fault(where, f"{f.derived} does not refer to {c.name}")
        if other.derived:
            self.fault(where, f"{f.derived} is derived itself")
        if f.qualifier == idl.RW:
            self.fault(where, "a derived field cannot be written")

    def message(self, c, m):
        where = f"{c.name}.{m.name}"
        self.roles(where, m.roles)
        self.type(where, m.result)
        self.unique(f"parameters of {where}", [p.name for p in m.params])
        optional = False
        for p in m.params:
            self.default(f"{where}({p.name})", p)
            if optional and not p.has_default:
                self.fault(where, f"{p.name} follows a parameter with a default and has none")
            optional = optional or p.has_default
        codes = {e.code for e in self.model.errors}
        for code in m.errors:
            if code not in codes:
                self.fault(where, f"unknown error {code}")


def missing_docs(model):
    """The rows that have no sentence yet, as text that names them."""
    out = []

    def need(where, text):
        if not text.strip():
            out.append(where)

    for c in model.classes:
        need(c.name, c.doc)
        for e in c.enums:
            need(f"enum {e.name}", e.doc)
            for value, doc in e.values.items():
                need(f"enum {e.name} value {value}", doc)
        for f in c.fields:
            need(f"{c.name}.{f.name}", f.doc)
        for m in c.messages:
            need(f"{c.name}.{m.name}()", m.doc)
            for p in m.params:
                need(f"{c.name}.{m.name}({p.name})", p.doc)
            if m.result != "void":
                need(f"{c.name}.{m.name}() result", m.result_doc)
    for e in model.errors:
        need(f"error {e.code}", e.doc)
    for a in model.alerts:
        need(f"alert {a.name}", a.doc)
    return out


def build(classes, errors, alerts):
    """A checked Model of these rows; ModelError lists every fault."""
    classes = sorted(classes, key=lambda c: c.name.lower())
    model = Model(classes, errors, alerts)
    for c in classes:
        for row in (*c.fields, *c.messages):
            row.life.since = row.life.since or c.life.since
        c.all_messages = derive(c)
        for e in c.enums:
            e.owner = c
    check = _Checker(model)
    check.model_wide()
    for c in classes:
        check.cls(c)
    for c in classes:
        for m in c.all_messages:
            check.type(f"{c.name}.{m.name}", m.result)
            for p in m.params:
                check.type(f"{c.name}.{m.name}", p.type)
    if check.faults:
        raise ModelError(list(dict.fromkeys(check.faults)))
    return model


def _import(path):
    spec = importlib.util.spec_from_file_location(f"datamodel_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sources():
    """Every file the model is made of, for the build's dependencies."""
    return sorted([*HERE.glob("*.py"), *HERE.glob("idl/*.py"), *HERE.glob("classes/*.py")])


def load():
    """The model of this source tree."""
    sys.dont_write_bytecode = True
    classes = [_import(path).CLASS for path in sorted(HERE.glob("classes/*.py"))]
    rows = _import(HERE / "errors.py")
    return build(classes, rows.ERRORS, rows.ALERTS)
