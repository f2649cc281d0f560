#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Every guest template is a record that VM.create would take: its keys are fields of VM that a maker of
# VMs may set, its values have their types, and the texts inside other_config and recommendations are
# well-formed and name images that the tree can build.
import json
import pathlib
import re
import sys
import unittest
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True
TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "src" / "datamodel"))

import idl  # noqa: E402
from idl import model  # noqa: E402

MODEL = model.load()
FIELDS = {field.name: field for field in MODEL.class_by_name["VM"].fields}
# The loader sets these itself.
SET_BY_LOADER = {"is_a_template", "is_default_template", "power_state"}
PLATFORM_KEYS = {"acpi", "apic", "nx", "pae", "vga", "videoram", "viridian", "usb_tablet",
                 "cores-per-socket", "timeoffset"}


def type_fault(kind, value):
    """What is wrong with `value` as a value of the model's type `kind`, or None."""
    plain = {"String": str, "Int": int, "Float": (int, float), "Bool": bool}
    if kind.kind in plain:
        wanted = plain[kind.kind]
        right = isinstance(value, wanted) and (kind.kind == "Bool" or not isinstance(value, bool))
        return None if right else f"{value!r} is no {kind.text}"
    if kind.kind == "Enum":
        names = list(kind.enumeration.values)
        return None if value in names else f"{value!r} is none of {', '.join(names)}"
    if kind.kind == "Set":
        return next(filter(None, (type_fault(kind.element, item) for item in value)), None)
    if kind.kind == "Map":
        if not isinstance(value, dict):
            return f"{value!r} is no map"
        faults = [type_fault(part, item) for pair in value.items()
                  for part, item in zip((kind.key, kind.element), pair)]
        return next(filter(None, faults), None)
    return f"a template cannot hold a {kind.text}"


def faults(template):
    """Every fault of a template as one line each."""
    for name, value in template.items():
        field = FIELDS.get(name)
        if field is None:
            yield f"{name}: VM has no such field"
        elif field.qualifier not in (idl.RW, idl.STATIC_RO) or name in SET_BY_LOADER:
            yield f"{name}: is not for a template to say"
        elif fault := type_fault(MODEL.resolve(field.type), value):
            yield f"{name}: {fault}"
    for name, field in FIELDS.items():
        mandatory = (field.qualifier in (idl.RW, idl.STATIC_RO) and not field.has_default
                     and not field.type.endswith(" ref") and name not in SET_BY_LOADER)
        if mandatory and name not in template:
            yield f"{name}: is missing"


def load_all():
    return {path.stem: json.loads(path.read_text()) for path in (TREE / "templates").glob("*.json")}


def disks_of(template):
    return xml.fromstring(template["other_config"].get("disks", "<provision/>")).findall("disk")


def for_each(check):
    """Makes a test of the whole directory out of a check of one template."""
    def test(self):
        for name, template in sorted(load_all().items()):
            with self.subTest(name):
                check(self, name, template)
    return test


class Templates(unittest.TestCase):
    def test_the_promised_ones_are_there(self):
        self.assertLessEqual({"debian-12", "other-install-media", "direct-kernel"}, set(load_all()))

    @for_each
    def test_fields_and_types(self, _, template):
        self.assertEqual([], list(faults(template)))

    @for_each
    def test_named_after_their_files(self, name, template):
        labels = [template["name_label"] for template in load_all().values()]
        self.assertEqual(len(labels), len(set(labels)))
        self.assertEqual(name, template["reference_label"])

    @for_each
    def test_memory_and_processors_are_in_order(self, _, template):
        steps = [template[f"memory_{name}"] for name in
                 ("static_min", "dynamic_min", "dynamic_max", "static_max")]
        self.assertEqual(steps, sorted(steps))
        self.assertGreater(steps[0], 0)
        self.assertTrue(0 < template["VCPUs_at_startup"] <= template["VCPUs_max"])

    @for_each
    def test_boot(self, _, template):
        self.assertEqual(template["HVM_boot_policy"], "BIOS order")
        self.assertEqual(set(template["HVM_boot_params"]), {"order", "firmware"})
        self.assertRegex(template["HVM_boot_params"]["order"], r"^[cdn]{1,3}$")
        self.assertIn(template["HVM_boot_params"]["firmware"], ("bios", "uefi"))
        self.assertLessEqual(set(template["platform"]), PLATFORM_KEYS)

    @for_each
    def test_disks(self, _, template):
        disks = disks_of(template)
        self.assertEqual([disk.get("device") for disk in disks],
                         [str(number) for number in range(len(disks))])
        for disk in disks:
            self.assertGreaterEqual(int(disk.get("size")), 1 << 20)
            self.assertEqual(int(disk.get("size")) % (1 << 20), 0)
            self.assertEqual(disk.get("sr"), "")
            self.assertIn(disk.get("bootable"), ("true", "false"))
            self.assertIn(disk.get("type"), ("system", "user", "ephemeral"))

    @for_each
    def test_images_have_a_recipe_and_fit(self, _, template):
        builder = (TREE / "templates/images/build-image").read_text()
        default = int(re.search(r'"--size".*parse_size\("(\d+)G"\)', builder)[1]) << 30
        for disk in disks_of(template):
            if image := disk.get("image"):
                self.assertTrue((TREE / "templates/images" / image / "packages").is_file())
                self.assertGreaterEqual(int(disk.get("size")), default)

    @for_each
    def test_recommendations(self, _, template):
        limits = {entry.get("field") or entry.get("property"): entry
                  for entry in xml.fromstring(template["recommendations"])}
        self.assertLessEqual(template["memory_static_max"],
                             int(limits["memory-static-max"].get("max")))
        self.assertLessEqual(template["VCPUs_max"], int(limits["vcpus-max"].get("max")))
        self.assertLessEqual(len(disks_of(template)), int(limits["number-of-vbds"].get("max")))
        firmware = template["HVM_boot_params"]["firmware"]
        self.assertEqual(limits[f"supports-{firmware}"].get("value"), "yes")


class Faults(unittest.TestCase):
    """The checks above can fail."""

    def fault_of(self, **changes):
        return "\n".join(faults({**load_all()["debian-12"], **changes}))

    def test_wrong_names_types_and_gaps(self):
        self.assertEqual("", self.fault_of())
        self.assertIn("name_lable: VM has no such field", self.fault_of(name_lable="x"))
        self.assertIn("VCPUs_max: '2' is no int", self.fault_of(VCPUs_max="2"))
        self.assertIn("VCPUs_max: True is no int", self.fault_of(VCPUs_max=True))
        self.assertIn("platform: 1 is no string", self.fault_of(platform={"acpi": 1}))
        self.assertIn("actions_after_crash: 'stop' is none of",
                      self.fault_of(actions_after_crash="stop"))
        self.assertIn("domid: is not for a template to say", self.fault_of(domid=3))
        self.assertIn("affinity: a template cannot hold a host ref", self.fault_of(affinity="x"))
        short = dict(load_all()["debian-12"])
        del short["VCPUs_max"]
        self.assertIn("VCPUs_max: is missing", "\n".join(faults(short)))


if __name__ == "__main__":
    unittest.main()
