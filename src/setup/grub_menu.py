# SPDX-License-Identifier: GPL-2.0-or-later
# GRUB's menu as grub-mkconfig writes it: entries with what they start, and which one is the default.
# Pure: text in, entries out. Only the shape that grub-mkconfig gives is understood; a menu written in
# another way may have entries that are not seen.
import re
import shlex
from dataclasses import dataclass, field

LOADERS = ("multiboot2", "multiboot", "xen_hypervisor", "linux", "linuxefi", "linux16", "chainloader")
MODULES = ("module2", "module", "xen_module")


@dataclass
class Entry:
    title: str
    id: str = ""
    children: list = field(default_factory=list)  # of a submenu
    is_submenu: bool = False
    commands: list = field(default_factory=list)  # lists of words

    @property
    def loader(self):
        """The words of the line that names what is started; empty if nothing is."""
        return next((words for words in self.commands if words[0] in LOADERS), [])

    @property
    def is_xen(self):
        words = self.loader
        if len(words) < 2:
            return False
        name = words[1].rsplit("/", 1)[-1]
        return words[0] == "xen_hypervisor" or (words[0] != "linux" and name.startswith("xen"))

    @property
    def xen_options(self):
        """What Xen is told, without GRUB's own variables."""
        return [word for word in self.loader[2:] if word != "placeholder" and not word.startswith("${")] \
            if self.is_xen else []

    @property
    def kernel_options(self):
        if not self.is_xen:
            return self.loader[2:]
        modules = [words for words in self.commands if words[0] in MODULES]
        return [word for word in modules[0][2:] if word != "placeholder"] if modules else []


class BadMenu(Exception):
    """The text is no menu; says which line."""


def _words(line, number):
    try:
        return shlex.split(line)
    except ValueError as error:
        raise BadMenu(f"line {number}: {error}") from None


def _opened(line, number):
    """The entry that a line opens, or None."""
    words = _words(line.rstrip().rstrip("{"), number)
    entry = Entry(words[1] if len(words) > 1 else "", is_submenu=words[0] == "submenu")
    for option, value in zip(words, words[1:]):
        if option in ("$menuentry_id_option", "--id"):
            entry.id = value
    return entry


class Menu:
    def __init__(self, text):
        self.entries = []
        self.defaults = []  # values of "set default=", in their order
        stack = []  # of entries and, for other blocks, None
        for number, line in enumerate(text.splitlines(), 1):
            stripped = line.strip()
            inside = next((entry for entry in reversed(stack) if entry is not None), None)
            if re.match(r"(menuentry|submenu)\s", stripped):
                entry = _opened(stripped, number)
                (inside.children if inside else self.entries).append(entry)
                stack.append(entry)
            elif stripped == "}":
                if not stack:
                    raise BadMenu(f"line {number}: a block ends that never began")
                stack.pop()
            elif stripped.endswith("{") and not stripped.startswith("#"):
                stack.append(None)
            elif inside and not inside.is_submenu:
                word = stripped.split(None, 1)[0] if stripped else ""
                if word in LOADERS + MODULES:
                    inside.commands.append(_words(stripped, number))
            elif match := re.match(r'set default="(.*)"$', stripped):
                self.defaults.append(match[1])
        if stack:
            raise BadMenu("the last block has no end")

    def all(self):
        """Every entry that starts something."""
        waiting, found = list(self.entries), []
        while waiting:
            entry = waiting.pop(0)
            waiting = entry.children + waiting
            found += [] if entry.is_submenu else [entry]
        return found

    def _child(self, entries, name):
        for entry in entries:
            if name in (entry.title, entry.id) and name:
                return entry
        return entries[int(name)] if name.isdigit() and int(name) < len(entries) else None

    def resolve(self, name):
        """The entry that GRUB takes for a default of this name (a title, an id, a number, or a path of
        them); without such an entry it takes the first. None for an empty menu."""
        entries, entry = self.entries, None
        for part in re.split(r"(?<!>)>(?!>)", name):
            entry = self._child(entries, part.replace(">>", ">"))
            if entry is None:
                break
            entries = entry.children
        entry = entry or (self.entries[0] if self.entries else None)
        while entry is not None and entry.is_submenu:
            entry = entry.children[0] if entry.children else None
        return entry

    def default(self, environment):
        """The entry of the next boot; `environment` is what is in grubenv."""
        if environment.get("next_entry"):
            return self.resolve(environment["next_entry"])
        lasting = [value for value in self.defaults if "next_entry" not in value]
        name = lasting[-1] if lasting else "0"
        if "saved_entry" in name:
            name = environment.get("saved_entry") or "0"
        return self.resolve(name)


def environment(text):
    """The variables in a grubenv file."""
    lines = (line.partition("=") for line in (text or "").splitlines() if not line.startswith("#"))
    return {key: value for key, found, value in lines if found}
