#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the data model's generator: a wrong row is refused with its name, accessors follow the
# rules, the model equals the golden lists, and the generated C++ says what the model says.
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "src" / "datamodel"))

import idl  # noqa: E402
import roles  # noqa: E402
from idl import coverage, cpp, listing, markdown, model  # noqa: E402
from idl import DYNAMIC_RO, RW, STATIC_RO, cls, enum, error, field, message, param  # noqa: E402


def box(**changes):
    """A small class that is right; `changes` make it wrong."""
    rows = dict(
        doc="A box.", since="1", reader_roles=roles.READ_ONLY, writer_roles=roles.POOL_ADMIN,
        fields=[field(DYNAMIC_RO, "uuid", "string", doc="The UUID.")])
    rows.update(changes)
    return cls("Box", **rows)


def build(*classes):
    return model.build(list(classes), [error("BROKEN", ["what"], doc="It broke.")], [])


class Refuses(unittest.TestCase):
    def refused(self, fault, *classes):
        with self.assertRaises(model.ModelError) as caught:
            build(*classes)
        self.assertRegex("\n".join(caught.exception.faults), fault)

    def with_field(self, fault, *args, **more):
        self.refused(fault, box(fields=[field(*args, doc="A field.", **more)]))

    def with_message(self, fault, **more):
        rows = dict(doc="Opens.", roles=roles.READ_ONLY)
        rows.update(more)
        self.refused(fault, box(messages=[message("open", **rows)]))

    def test_the_sample_is_right(self):
        build(box())

    def test_message_without_roles(self):
        self.with_message(r"Box\.open: has no roles", roles=None)

    def test_class_without_roles(self):
        self.refused("Box: has no roles", box(reader_roles=None))
        self.refused("Box: has no roles", box(writer_roles=None))

    def test_unknown_role(self):
        self.with_message(r"Box\.open: unknown roles", roles=("emperor",))
        self.with_message(r"Box\.open: unknown roles", roles="pool-admin")

    def test_unknown_type(self):
        self.with_field(r"Box\.size: unknown type 'integer'", RW, "size", "integer")
        self.with_field(r"Box\.lid: unknown class 'Lid'", RW, "lid", "Lid ref")
        self.with_field(r"Box\.lid: unknown enum 'lids'", RW, "lid", "enum lids")
        self.with_field(r"Box\.m: malformed map", RW, "m", "(string) map")
        self.with_message("unknown type", result="thing")
        self.with_message("unknown type", params=[param("a", "thing", doc="A thing.")])

    def test_default_of_the_wrong_type(self):
        for type_, value in (("int", "1"), ("int", True), ("bool", 0), ("string", 1),
                             ("string set", ["a", 1]), ("(string -> int) map", {"a": "b"}),
                             ("datetime", "yesterday"), ("float", "0.5"), ("string set", "a")):
            with self.subTest(type=type_, value=value):
                self.with_field(r"Box\.x: default", RW, "x", type_, default=value)

    def test_default_outside_the_enum(self):
        self.refused(r"Box\.x: default 'c' is no enum ab", box(
            enums=[enum("ab", doc="Two.", values={"a": "A.", "b": "B."})],
            fields=[field(RW, "x", "enum ab", default="c", doc="A field.")]))

    def test_set_of_refs_neither_stored_nor_derived(self):
        self.with_field("either stored or derived", DYNAMIC_RO, "boxes", "Box ref set")
        self.with_field("either stored or derived", DYNAMIC_RO, "boxes", "Box ref set",
                        stored=True, derived="Box.parent")
        self.with_field("only a set of refs", DYNAMIC_RO, "size", "int", stored=True)

    def test_back_reference_to_nothing(self):
        self.with_field(r"derived from Box\.parent, which does not exist", DYNAMIC_RO, "boxes",
                        "Box ref set", derived="Box.parent")

    def test_back_reference_that_does_not_refer_back(self):
        self.refused(r"Box\.parent does not refer to Box", box(fields=[
            field(RW, "parent", "string", doc="A name."),
            field(DYNAMIC_RO, "boxes", "Box ref set", derived="Box.parent", doc="The boxes.")]))

    def test_derived_field_that_can_be_written(self):
        self.refused("cannot be written", box(fields=[
            field(RW, "parent", "Box ref", doc="The outer box."),
            field(RW, "boxes", "Box ref set", derived="Box.parent", doc="The boxes.")]))

    def test_names_twice(self):
        self.refused("'uuid' stands twice", box(fields=[
            field(DYNAMIC_RO, "uuid", "string", doc="One."),
            field(DYNAMIC_RO, "uuid", "string", doc="Two.")]))
        self.refused("stands twice", box(), box())
        self.refused("box_open", box(messages=[
            message("open", doc="Opens.", roles=roles.READ_ONLY),
            message("OPEN", doc="Opens.", roles=roles.READ_ONLY)]))
        self.with_message("'a' stands twice", params=[param("a", "int", doc="A."),
                                                      param("a", "int", doc="A.")])

    def test_unknown_error(self):
        self.with_message("unknown error GONE", errors=["GONE"])

    def test_mandatory_parameter_after_an_optional_one(self):
        self.with_message("b follows a parameter with a default",
                          params=[param("a", "int", default=1, doc="A."),
                                  param("b", "int", doc="B.")])

    def test_path_that_is_not_the_name(self):
        self.with_field("path 'a/b' does not spell", RW, "a_c", "int", path="a/b")

    def test_map_key_roles_without_a_map(self):
        self.with_field("no map", RW, "a", "int", map_key_roles={"k": roles.READ_ONLY})

    def test_handled_accessor_that_is_none(self):
        self.refused("'explode', which is no accessor", box(handled_accessors=["explode"]))

    def test_removed_class_with_rows(self):
        self.refused("nothing but names", box(removed_class=True))

    def test_generated_names_that_clash(self):
        wrong = build(box(enums=[enum("type", doc="T.", values={"a": "A."})]))
        with self.assertRaisesRegex(model.ModelError, "clashes"):
            cpp.files(wrong)
        wrong = build(box(enums=[enum("e", doc="E.", values={"a-b": "A.", "a_b": "B."})]))
        with self.assertRaisesRegex(model.ModelError, "two enumerators AB"):
            cpp.files(wrong)


class Accessors(unittest.TestCase):
    def names(self, **changes):
        return {m.name: m for m in build(box(**changes)).classes[0].all_messages}

    def test_of_the_class(self):
        self.assertEqual(set(self.names()), {
            "get_record", "get_by_uuid", "get_all", "get_all_where", "get_all_records",
            "get_all_records_where", "get_uuid"})
        self.assertEqual(set(self.names(get_all=False)), {"get_record", "get_by_uuid", "get_uuid"})
        self.assertLessEqual({"create", "destroy"}, set(self.names(create_destroy=True)))
        self.assertEqual(self.names(in_database=False), {})
        self.assertEqual(self.names(accessors=False), {})

    def test_of_a_field(self):
        def made(*args, **more):
            return set(self.names(get_all=False, fields=[field(*args, doc="A field.", **more)]))

        self.assertEqual(made(RW, "x", "int"), {"get_x", "set_x"})
        self.assertEqual(made(STATIC_RO, "x", "int"), {"get_x"})
        self.assertEqual(made(RW, "x", "int", internal=True), set())
        self.assertEqual(made(RW, "x", "string set"), {"get_x", "set_x", "add_x", "remove_x"})
        self.assertEqual(made(RW, "x", "(string -> string) map"),
                         {"get_x", "set_x", "add_to_x", "remove_from_x"})

    def test_explicit_message_takes_the_place(self):
        rows = self.names(
            fields=[field(RW, "x", "int", doc="A field.")],
            messages=[message("set_x", doc="Sets.", roles=roles.LOCAL_ROOT)])
        self.assertEqual(rows["set_x"].accessor, "None")
        self.assertEqual(rows["set_x"].roles, roles.LOCAL_ROOT)

    def test_roles_of_writers(self):
        rows = self.names(fields=[field(RW, "x", "int", writer_roles=roles.VM_ADMIN, doc="A."),
                                  field(RW, "y", "int", doc="A.")])
        self.assertEqual(rows["set_x"].roles, roles.VM_ADMIN)
        self.assertEqual(rows["set_y"].roles, roles.POOL_ADMIN)
        self.assertEqual(rows["get_x"].roles, roles.READ_ONLY)


class Tree(unittest.TestCase):
    """The model of this source tree."""

    @classmethod
    def setUpClass(cls):
        cls.model = model.load()

    def test_equals_the_golden_lists(self):
        for name, make in listing.LISTINGS.items():
            with self.subTest(name):
                wanted = (TREE / "tests/golden/datamodel" / f"{name}.txt").read_text().splitlines()
                made = make(self.model)
                self.assertEqual(sorted(set(wanted) - set(made)), [], "missing")
                self.assertEqual(sorted(set(made) - set(wanted)), [], "not in the interface")
                self.assertEqual(len(made), len(wanted))

    def test_one_file_a_class(self):
        files = {p.stem for p in (TREE / "src/datamodel/classes").glob("*.py")}
        self.assertEqual(files, {c.name.lower() for c in self.model.classes})

    def test_typed_keys_number_every_field(self):
        header = cpp.model_hpp(self.model)
        for c in self.model.classes:
            body = re.search(rf"^struct {c.name} \{{\n(.*?)^\}};", header, re.M | re.S)[1]
            keys = re.findall(r"Field<model::(\w+), .*> (\w+)\{(\d+)\};", body)
            self.assertEqual([int(number) for _, _, number in keys], list(range(len(c.fields))))
            self.assertEqual([name.rstrip("_") for _, name, _ in keys],
                             [f.name for f in c.fields])
            self.assertEqual({owner for owner, _, _ in keys} - {c.name}, set())

    def test_handled_message_is_declared_and_in_the_table(self):
        for c in self.model.classes:
            for m in c.all_messages:
                m.handled = False
        vm = self.model.class_by_name["VM"]
        start = next(m for m in vm.all_messages if m.name == "start")
        start.handled = True
        try:
            files = cpp.files(self.model)
        finally:
            type(self).model = model.load()
        self.assertIn("void vm_start(Context& context, Ref<model::VM> vm, bool start_paused, "
                      "bool force);", files["xapi/handlers/vm.gen.hpp"])
        tables = "".join(files[f"xapi/handlers.gen.{n}.cpp"] for n in range(cpp.HANDLER_PARTS))
        row = f"{self.model.class_index['VM']}, {vm.all_messages.index(start)}, &wrap<&vm_start>"
        self.assertEqual(re.findall(r"HandlerRow\{(.*)\}", tables), [row])

    def test_an_unchanged_file_is_not_written_again(self):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, TREE / "src/datamodel/generate.py", "--out", out]
            subprocess.run(command, check=True)
            paths = [p for p in pathlib.Path(out).rglob("*") if p.is_file()]
            before = {p: p.stat().st_mtime_ns for p in paths}
            subprocess.run(command, check=True)
            self.assertEqual({p: p.stat().st_mtime_ns for p in paths}, before)
            listed = subprocess.run([*command[:2], "--outputs"], check=True, text=True,
                                    stdout=subprocess.PIPE).stdout.split()
            self.assertEqual({str(p.relative_to(out)) for p in paths}, set(listed))

    def test_reference_has_a_page_for_every_live_class(self):
        pages = markdown.files(self.model)
        for c in self.model.classes:
            self.assertEqual(f"{c.name}.md" in pages, not c.removed_class)
        self.assertIn("VM.start", pages["VM.md"])
        for text in pages.values():
            for target in re.findall(r"\]\((\w+\.md)", text):
                self.assertIn(target, pages)

    def test_coverage_adds_up(self):
        rows = [line.split() for line in coverage.report(self.model).splitlines()[1:]]
        shares = {row[0]: tuple(map(int, row[3].split("/"))) for row in rows}
        total = shares.pop("total")
        self.assertEqual(total, tuple(map(sum, zip(*shares.values()))))
        public = [m for c in self.model.classes for m in c.all_messages
                  if not m.hidden and not m.removed]
        self.assertEqual(total[1], len(public))


class Docs(unittest.TestCase):
    def test_every_row_of_the_tree_has_a_sentence(self):
        tree = model.load()
        self.assertEqual(model.missing_docs(tree), [])
        for c in tree.classes:
            for row in (c, *c.enums, *c.fields, *c.messages):
                self.assertRegex(row.doc, r"^\S.*[.]$", f"{c.name} {row.name}")
                self.assertNotRegex(row.doc, r"^The (field|message|parameter|value of) ",
                                    f"{c.name} {row.name}")

    def test_missing_sentences_are_named(self):
        rows = build(box(
            enums=[enum("ab", doc="", values={"a": "A.", "b": ""})],
            fields=[field(RW, "x", "int", doc=" ")],
            messages=[message("open", doc="", roles=roles.READ_ONLY, result="int",
                              params=[param("a", "int", doc="")])]))
        self.assertEqual(model.missing_docs(rows), [
            "enum ab", "enum ab value b", "Box.x", "Box.open()", "Box.open(a)",
            "Box.open() result"])


if __name__ == "__main__":
    unittest.main()
