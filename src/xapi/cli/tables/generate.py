#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Checks the tables of the command line against the data model and writes them as C++. Exit status 1
# and one line a fault on standard error when they do not fit; nothing is written then.
import argparse
import importlib
import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent.parent / "datamodel")]

from idl import model as datamodel  # noqa: E402
import classes as class_rows  # noqa: E402

FAMILIES = ["pool", "host", "vm", "storage", "network", "devices", "services"]

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][\w-]*(?:\.\w+)?:?|\d+)|(@\w+)|(.))')


class Expr:
    """A parsed argument: `kind` as in tables.hpp."""

    def __init__(self, kind, text="", parts=(), keys=()):
        self.kind = kind
        self.text = text
        self.parts = list(parts)
        self.keys = list(keys)

    def walk(self):
        yield self
        for part in self.parts:
            yield from part.walk()


class Parser:
    def __init__(self, text):
        self.tokens = []
        for string, word, at, sign in TOKEN.findall(text.strip()):
            self.tokens.append(("string", string[1:-1]) if string else ("word", word) if word
                               else ("at", at[1:]) if at else ("sign", sign))
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def sign(self, wanted):
        if self.peek() == ("sign", wanted):
            self.at += 1
            return True
        return False

    def need(self, wanted):
        if not self.sign(wanted):
            raise ValueError(f"expected {wanted!r}, found {self.peek()[1]!r}")

    def whole(self):
        expr = self.either()
        if self.peek()[0] != "end":
            raise ValueError(f"left over: {self.peek()[1]!r}")
        return expr

    def either(self):
        parts = [self.single()]
        while self.sign("|"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else Expr("Either", parts=parts)

    def listed(self, end):
        parts = []
        while not self.sign(end):
            if parts:
                self.need(",")
            parts.append(self.either())
        return parts

    def single(self):
        kind, text = self.take()
        if kind == "string":
            return Expr("Text", text)
        if kind == "at":
            kinds = {"vm": "Selected", "host": "Selected", "sr": "Selected", "pool": "Pool",
                     "localhost": "LocalHost", "onlyhost": "OnlyHost"}
            return Expr(kinds[text], text)
        if kind == "sign" and text == "{":
            return self.struct()
        if kind == "sign" and text == "[":
            self.need("]")
            return Expr("EmptySet")
        if kind == "sign" and text == "$":
            return Expr("Result")
        if kind != "word":
            raise ValueError(f"unexpected {text!r}")
        if text in ("file", "absent"):
            self.need("(")
            name = self.take()[1]
            self.need(")")
            return Expr(text.capitalize(), name)
        if self.sign("("):
            return Expr("Call", text, self.listed(")"))
        if text == "null":
            return Expr("Null")
        if text in ("true", "false") or text.isdigit():
            return Expr("Text", text)
        if text.endswith(":"):
            return Expr("Map", text[:-1])
        return Expr("Param", text)

    def struct(self):
        keys, parts = [], []
        while not self.sign("}"):
            if keys:
                self.need(",")
            key = self.take()[1]
            if not key.endswith(":"):
                raise ValueError(f"expected a key, found {key!r}")
            keys.append(key[:-1])
            parts.append(self.either())
        return Expr("Struct", parts=parts, keys=keys)


class Checker:
    def __init__(self, model):
        self.model = model
        self.faults = []
        self.methods = {f"{c.name}.{m.name}": m for c in model.classes for m in c.all_messages}

    def fault(self, where, text):
        self.faults.append(f"{where}: {text}")

    def call(self, where, text):
        """The parsed call, its messages and argument counts checked."""
        try:
            expr = Parser(text).whole()
        except ValueError as e:
            self.fault(where, f"{text}: {e}")
            return Expr("Null")
        if expr.kind != "Call":
            self.fault(where, f"{text} is no call")
        for part in expr.walk():
            if part.kind == "Call":
                self.message(where, part)
        return expr

    def message(self, where, call):
        message = self.methods.get(call.text)
        if message is None:
            self.fault(where, f"no message {call.text}")
            return
        if message.removed:
            return  # answers MESSAGE_REMOVED, whatever the arguments
        given, wanted = len(call.parts), message.params
        if given > len(wanted) or any(not p.has_default for p in wanted[given:]):
            self.fault(where, f"{call.text} takes {len(wanted)} arguments, {given} given")
        for part, param in zip(call.parts, wanted):
            if part.kind == "Struct" and part.keys:
                type_ = self.model.resolve(param.type)
                fields = {f.name for f in type_.cls.fields} if type_.kind == "Record" else None
                for key in part.keys:
                    if fields is not None and key not in fields:
                        self.fault(where, f"{type_.cls.name} has no field {key}")

    def command(self, row):
        where = row.name
        if bool(row.do or row.when) == bool(row.fn):
            self.fault(where, "needs either do (or when) or fn")
        row.call = self.call(where, row.do) if row.do else None
        row.when = [(p, self.call(where, c)) for p, c in row.when]
        row.then = [(p, self.call(where, c)) for p, c in row.then]
        known = set(row.reqd + row.optn + row.also)
        known |= {name + ":" for name in known}
        used = {p for p, _ in row.when + row.then} | ({row.guard[0]} if row.guard else set())
        for expr in [row.call] + [c for _, c in row.when + row.then]:
            for part in expr.walk() if expr else ():
                if part.kind in ("Param", "File", "Absent"):
                    used.add(part.text)
                elif part.kind == "Map":
                    used.add(part.text + ":")
                elif part.kind == "Selected" and part.text != row.select:
                    self.fault(where, f"@{part.text} without select")
        for name in used - known:
            self.fault(where, f"uses the undeclared parameter {name!r}")
        # Some documented parameters are kept for scripts but mean nothing any more.
        if not row.fn:
            used |= {name.rstrip(":") for name in used}
            for name in set(row.reqd + row.optn) - used - UNUSED.get(row.name, set()):
                self.fault(where, f"never uses its parameter {name!r}")

    def path(self, where, api, text):
        """Field numbers of a path and the type it ends with."""
        cls, numbers, type_ = self.model.class_by_name[api], [], None
        for step in text.split("."):
            if cls is None:
                self.fault(where, f"{text}: {step} does not follow from a reference")
                return numbers, type_
            found = [i for i, f in enumerate(cls.fields) if f.name == step]
            if not found:
                self.fault(where, f"{cls.name} has no field {step}")
                return numbers, type_
            numbers.append(found[0])
            type_ = self.model.resolve(cls.fields[found[0]].type)
            inner = type_.element if type_.kind == "Set" else type_
            cls = inner.cls if inner.kind == "Ref" else None
        return numbers, type_

    def field(self, c, f):
        where = f"{c.name} {f.name}"
        f.numbers, f.method, f.special = [], "", ""
        own = None  # the field of the class itself that is shown
        if f.src.startswith("call "):
            f.method = f.src[5:]
            if f.method not in self.methods:
                self.fault(where, f"no message {f.method}")
        elif f.src.startswith("fn "):
            f.special = f.src[3:]
        else:
            f.numbers, type_ = self.path(where, c.api, f.src)
            own = f.src if "." not in f.src else None
            if type_ and f.access[0] == "M" and type_.kind != "Map":
                self.fault(where, f"is {f.access} but {f.src} is no map")
        self.setters(where, c, f, own)

    def setters(self, where, c, f, own):
        def accessor(prefix):
            name = f"{c.api}.{prefix}_{own}" if own else ""
            return name if name in self.methods else ""

        collection, writable = f.access[0] in "SM", f.access.endswith("RW")
        f.clear_with = accessor("set") if collection and (writable or f.clear) else ""
        if not f.set and (f.access == "RW" or f.whole or f.set_map):
            f.set = accessor("set") or self.fault(where, "cannot be set") or ""
        if f.access in ("SRW", "MRW") and not f.set_map:
            middle = "_to" if f.access == "MRW" else ""
            f.add = f.add or accessor("add" + middle)
            f.remove = f.remove or accessor("remove" + middle.replace("to", "from"))
            if not (f.add and f.remove) and not f.set:
                self.fault(where, "can be neither added to nor set")
        for name in (f.set, f.add, f.remove, f.put):
            if name and name not in self.methods:
                self.fault(where, f"no message {name}")

    def cls(self, c):
        if c.api not in self.model.class_by_name:
            self.fault(c.name, f"no class {c.api}")
            return
        names = [f.name for f in c.fields]
        for name in c.default + list(c.filters):
            if name not in names:
                self.fault(c.name, f"no field {name}")
        for f in c.fields:
            if not hasattr(f, "numbers"):
                self.field(c, f)


UNUSED = {
    "pool-emergency-transition-to-master": {"force"},
    "host-refresh-server-certificate": {"host"},  # the selector of that name
    "vdi-clone": {"driver-params-"},              # the old spelling of driver-params:
    "vdi-snapshot": {"driver-params-"},
}


def load():
    commands = []
    for family in FAMILIES:
        for row in importlib.import_module(family).COMMANDS:
            row.family = family
            commands.append(row)
    check = Checker(datamodel.load())
    names = [c.name for c in commands]
    for name in {n for n in names if names.count(n) > 1}:
        check.fault(name, "stands twice")
    for row in commands:
        check.command(row)
    for c in class_rows.CLASSES:
        check.cls(c)
    return commands, class_rows.CLASSES, check


# C++ ----------------------------------------------------------------------------------------------

def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Writer:
    def __init__(self):
        self.lines = []
        self.count = 0
        self.texts = {}

    def array(self, type_, items):
        """The name of a static array of these items; none for no items."""
        if not items:
            return "{}"
        key = (type_, tuple(items))
        if key not in self.texts:
            name = f"a{self.count}"
            self.count += 1
            body = ", ".join(items)
            self.lines.append(f"constexpr {type_} {name}[] = {{{body}}};")
            self.texts[key] = name
        return self.texts[key]

    def words(self, items):
        return self.array("std::string_view", [quoted(i) for i in items])

    def expr(self, e):
        parts = self.array("Expr", [self.expr(p) for p in e.parts])
        keys = self.words(e.keys)
        return (f"Expr{{Expr::Kind::{e.kind}, {quoted(e.text)}, "
                f"{'nullptr' if parts == '{}' else parts}, {len(e.parts)}, "
                f"{'nullptr' if keys == '{}' else keys}}}")


def _bool(value):
    return "true" if value else "false"


def command_row(w, c):
    when = w.array("Conditional", [f"{{{quoted(p)}, {w.expr(e)}}}" for p, e in c.when])
    then = w.array("Conditional", [f"{{{quoted(p)}, {w.expr(e)}}}" for p, e in c.then])
    call = w.array("Expr", [w.expr(c.call)]) if c.call else "nullptr"
    guard = c.guard or ("", "")
    flags = [c.show, c.standard, c.hidden, c.local, c.neverforward, c.templates, c.dom0, c.single,
             c.long, c.own_selection]
    return (f"{{{quoted(c.name)}, {quoted(c.doc)}, {w.words(c.reqd)}, {w.words(c.optn)}, "
            f"{w.words(c.also)}, {call}, {'do_' + c.fn if c.fn else 'nullptr'}, {when}, {then}, "
            f"{quoted(guard[0])}, {quoted(guard[1])}, Select::{(c.select or 'none').capitalize()}, "
            + ", ".join(_bool(f) for f in flags) + f", {w.words(c.deprecated)}}}")


def field_row(w, f):
    source = "Call" if f.method else "Special" if f.special else "Path"
    path = w.array("std::uint16_t", [str(n) for n in f.numbers])
    flags = [f.expensive, f.hidden, f.deprecated, f.case_insensitive, f.set_map]
    special = f"show_{f.special}" if f.special else "nullptr"
    fmt = {"": "Plain", "lower": "Lower", "upper": "Upper"}[f.fmt]
    return (f"{{{quoted(f.name)}, Access::{f.access}, FieldRow::Source::{source}, {path}, "
            f"{quoted(f.method)}, {special}, {quoted(f.set or '')}, {quoted(f.add or '')}, "
            f"{quoted(f.remove or '')}, {quoted(f.put or '')}, {quoted(f.clear_with)}, "
            + ", ".join(_bool(x) for x in flags)
            + f", FieldRow::Format::{fmt}, {quoted(f.sep)}}}")


def class_row(w, model, c):
    fields = w.array("FieldRow", [field_row(w, f) for f in c.fields])
    filters = w.array("Filter", [f"{{{quoted(k)}, {quoted(v)}}}" for k, v in c.filters.items()])
    made = [_bool(x in c.make) for x in ("set", "add", "remove", "clear")]
    return (f"{{{quoted(c.name)}, {model.class_index[c.api]}, {quoted(c.singular)}, "
            f"{quoted(c.plural)}, {w.words(c.default)}, {filters}, {fields}, {', '.join(made)}}}")


HEAD = "// Made by src/xapi/cli/tables/generate.py; do not change."


def header(commands, classes):
    """Declarations of the functions that the rows name."""
    functions = sorted({c.fn for c in commands if c.fn})
    specials = sorted({f.special for c in classes for f in c.fields if f.special})
    return "\n".join([
        HEAD,
        "#pragma once",
        '#include "xapi/cli/run.hpp"',
        "",
        "namespace xcp::cli {",
        *[f"void do_{name}(Run& run);" for name in functions],
        *[f"Shown show_{name}(World& world, const Object& object);" for name in specials],
        "}  // namespace xcp::cli",
        "",
    ])


def source(commands, classes, model):
    w = Writer()
    class_lines = [class_row(w, model, c) for c in classes]
    command_lines = [command_row(w, c) for c in sorted(commands, key=lambda c: c.name)]
    return "\n".join([
        HEAD,
        '#include "xapi/cli/commands.gen.hpp"',
        "",
        "namespace xcp::cli {",
        "namespace {",
        *w.lines,
        "constexpr ClassRow class_table[] = {",
        *[f"    {line}," for line in class_lines],
        "};",
        "constexpr CommandRow command_table[] = {",
        *[f"    {line}," for line in command_lines],
        "};",
        "}  // namespace",
        "std::span<const ClassRow> class_rows() { return class_table; }",
        "std::span<const CommandRow> command_rows() { return command_table; }",
        "}  // namespace xcp::cli",
        "",
    ])


def listing(commands, classes):
    """One line a row: what scripts can rely on."""
    lines = []
    for c in sorted(commands, key=lambda c: c.name):
        flags = [f for f in ("standard", "hidden", "local", "neverforward", "files")
                 if getattr(c, f)]
        flags += [f"{c.select}-selectors"] if c.select else []
        flags += ["deprecated"] if c.deprecated else []
        words = [c.name, f"[{' '.join(c.reqd)}]", f"[{' '.join(c.optn)}]", *flags]
        lines.append(" ".join(words))
    for c in classes:
        lines.append(f"class {c.name}: {c.api} default [{' '.join(c.default)}] "
                     f"make [{' '.join(c.make)}]")
        for f in c.fields:
            flags = [x for x in ("expensive", "hidden", "deprecated", "case_insensitive", "whole")
                     if getattr(f, x)]
            lines.append(f"  {c.name} {f.name} {f.access} {' '.join(flags)}".rstrip())
    return lines


def write(path, text):
    """Writes what changed only, so that nothing is compiled again for nothing."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    os.makedirs(path.parent, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Read the tables of the command line.")
    parser.add_argument("--out", metavar="DIR", help="write the C++ tables below DIR")
    parser.add_argument("--list", action="store_true", help="print one line a row")
    args = parser.parse_args()
    commands, classes, check = load()
    if check.faults:
        print("\n".join(check.faults), file=sys.stderr)
        return 1
    if args.list:
        print("\n".join(listing(commands, classes)))
    if args.out:
        write(pathlib.Path(args.out, "commands.gen.hpp"), header(commands, classes))
        write(pathlib.Path(args.out, "tables.gen.cpp"), source(commands, classes, check.model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
