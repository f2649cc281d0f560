#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# The reader of GRUB's menu: entries, what they start, and which of them is the default.
import unittest

import loading  # noqa: F401  finds the modules
import machines
from grub_menu import BadMenu, Menu, environment

XEN = "Debian GNU/Linux, with Xen hypervisor"


class Entries(unittest.TestCase):
    def setUp(self):
        self.menu = Menu(machines.menu(XEN, machines.XEN_OPTIONS))

    def test_titles_and_nesting(self):
        self.assertEqual([entry.title for entry in self.menu.entries],
                         ["Debian GNU/Linux", XEN, "Advanced options"])
        self.assertEqual([entry.title for entry in self.menu.all()],
                         ["Debian GNU/Linux", XEN, "Debian GNU/Linux, with Xen 4.17 (recovery mode)"])

    def test_what_they_start(self):
        linux, xen, _ = self.menu.entries
        self.assertFalse(linux.is_xen)
        self.assertEqual(linux.kernel_options, ["root=/dev/vda1", "ro", "quiet"])
        self.assertEqual(linux.xen_options, [])
        self.assertTrue(xen.is_xen)
        self.assertEqual(xen.xen_options, machines.XEN_OPTIONS.split())
        self.assertEqual(xen.kernel_options, ["root=/dev/vda1", "ro", "quiet"])

    def test_quoted_titles(self):
        menu = Menu("menuentry 'Bob'\\''s Linux' --id 'bob' {\n\tlinux /vmlinuz\n}\n")
        self.assertEqual((menu.entries[0].title, menu.entries[0].id), ("Bob's Linux", "bob"))

    def test_other_loaders_of_xen(self):
        menu = Menu("menuentry a {\n\tchainloader /EFI/xen/xen.efi\n}\nmenuentry b {\n\txen_hypervisor /boot/xen\n}\n"
                    "menuentry c {\n\tlinux /boot/xenial-kernel\n}\nmenuentry d {\n\tchainloader /EFI/other.efi\n}\n")
        self.assertEqual([entry.is_xen for entry in menu.entries], [True, True, False, False])

    def test_texts_that_are_no_menu(self):
        for text in ("menuentry 'a' {\n\tlinux x\n", "}\n", "menuentry 'a {\n}\n"):
            with self.assertRaises(BadMenu):
                Menu(text)
        self.assertEqual(Menu("").all(), [])
        self.assertIsNone(Menu("").default({}))


class Defaults(unittest.TestCase):
    def title(self, default, **variables):
        return Menu(machines.menu(default, machines.XEN_OPTIONS)).default(variables).title

    def test_by_title_id_and_number(self):
        self.assertEqual(self.title(XEN), XEN)
        self.assertEqual(self.title("xen-gnulinux-simple-1"), XEN)
        self.assertEqual(self.title("1"), XEN)
        self.assertEqual(self.title("0"), "Debian GNU/Linux")

    def test_inside_a_submenu(self):
        recovery = "Debian GNU/Linux, with Xen 4.17 (recovery mode)"
        self.assertEqual(self.title("Advanced options>" + recovery), recovery)
        self.assertEqual(self.title("advanced-1>0"), recovery)
        self.assertEqual(self.title("2"), recovery)

    def test_a_default_that_is_not_there_is_the_first(self):
        for name in ("gone", "9", ""):
            self.assertEqual(self.title(name), "Debian GNU/Linux")

    def test_a_saved_entry(self):
        self.assertEqual(self.title("${saved_entry}", saved_entry=XEN), XEN)
        self.assertEqual(self.title("${saved_entry}"), "Debian GNU/Linux")

    def test_an_entry_for_once(self):
        self.assertEqual(self.title("0", next_entry=XEN), XEN)

    def test_the_environment(self):
        self.assertEqual(environment("# GRUB Environment Block\nsaved_entry=a=b\nnext_entry=\n####"),
                         {"saved_entry": "a=b", "next_entry": ""})
        self.assertEqual(environment(None), {})


if __name__ == "__main__":
    unittest.main()
