# SPDX-License-Identifier: GPL-2.0-or-later
# What every class has in common: accessors, constructors, keys of maps, members of sets.
import re
import unittest

from host import TOP, ApiError, Host, World

METHODS = (TOP / "tests/golden/datamodel/methods.txt").read_text().splitlines()
CLASSES = sorted(line.split(".")[0] for line in METHODS if re.match(r"\w+\.get_all_records\(", line))
CLOCKS = {"last_updated", "memory_free", "last_active"}  # fields that change with time


class Classes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(sim_options=["time_scale=0"]).start()
        cls.addClassCleanup(cls.host.close)
        cls.world = World(cls.host)
        cls.addClassCleanup(cls.world.client.close)
        cls.call = staticmethod(cls.world.client.call)
        cls.vm = cls.world.guest("common")

    def error(self, method, *params):
        with self.assertRaises(ApiError) as caught:
            self.call(method, *params)
        return [caught.exception.code, *caught.exception.params]

    def test_maps_and_sets(self):
        network = self.world.guest_network()
        for name, ref in (("VM", self.vm), ("network", network)):
            self.call(f"{name}.add_to_other_config", ref, "key", "one")
            error = self.error(f"{name}.add_to_other_config", ref, "key", "two")
            self.assertEqual(error, ["MAP_DUPLICATE_KEY", name, "other_config", ref, "key"])
            self.assertEqual(self.call(f"{name}.get_other_config", ref)["key"], "one")
            self.call(f"{name}.remove_from_other_config", ref, "key")
            self.call(f"{name}.remove_from_other_config", ref, "key")
            self.call(f"{name}.add_tags", ref, "tag")
            self.call(f"{name}.add_tags", ref, "tag")
            self.assertEqual(self.call(f"{name}.get_tags", ref), ["tag"])
            self.call(f"{name}.remove_tags", ref, "tag")

    def test_accessors_of_every_class(self):
        seen = 0
        for name in CLASSES:
            records = self.call(f"{name}.get_all_records")
            self.assertEqual(set(self.call(f"{name}.get_all")), set(records), name)
            for ref, record in list(records.items())[:3]:
                seen += 1
                again = self.call(f"{name}.get_record", ref)
                self.assertEqual({k: v for k, v in again.items() if k not in CLOCKS},
                                 {k: v for k, v in record.items() if k not in CLOCKS})
                self.assertEqual(self.call(f"{name}.get_by_uuid", record["uuid"]), ref)
                for field in set(record) - CLOCKS:
                    if any(line.startswith(f"{name}.get_{field}(") for line in METHODS):
                        self.assertEqual(self.call(f"{name}.get_{field}", ref), record[field], field)
        self.assertGreater(len(CLASSES), 55)
        self.assertGreater(seen, 15)

    def test_constructors_fill_in_what_is_missing(self):
        full = self.call("VM.get_record", self.vm)
        given = {"name_label": "sparse"}
        while True:
            try:
                vm = self.call("VM.create", given)
                break
            except ApiError as error:  # names a field that has no default
                self.assertEqual(error.code, "FIELD_TYPE_ERROR")
                self.assertNotIn(error.params[0], given)
                given[error.params[0]] = full[error.params[0]]
        record = self.call("VM.get_record", vm)
        self.call("VM.destroy", vm)
        self.assertGreater(len(record), len(given) + 40)
        self.assertEqual((record["name_label"], record["power_state"], record["blocked_operations"]),
                         ("sparse", "Halted", {}))
        self.assertRegex(record["uuid"], "^[0-9a-f-]{36}$")
        for name in ("VBD", "VIF", "VDI", "PBD"):
            with self.subTest(name=name):
                error = self.error(f"{name}.create", {})
                self.assertIn(error[0], ("FIELD_TYPE_ERROR", "HANDLE_INVALID"))


if __name__ == "__main__":
    unittest.main()
