# SPDX-License-Identifier: GPL-2.0-or-later
# Dependencies point one way (DESIGN: the house), and third-party headers stay behind their walls.
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

# Which parts each part may include, itself apart. Generated headers count as the part they are for.
MAY_INCLUDE = {
    "base": set(),
    "datamodel": {"base"},
    "authd": {"base"},
    "hypervisor": {"base", "datamodel"},
    "sm": {"base", "datamodel"},
    "ovs-integration": {"base", "datamodel"},
    "xapi": {"base", "datamodel", "authd", "hypervisor", "sm", "ovs-integration"},
    "xe": {"base"},
    "xl": {"base", "hypervisor"},
}
BACKENDS = {"hypervisor", "sm", "ovs-integration"}
# Where more than one of the three backends may be named at once.
COMPOSERS = re.compile(r"src/xapi/(plans/|main\.cpp$|toolstack\.|context\.)")

# Header -> the folders that may include it.
WALLS = [
    (r"boost/(beast|asio)", ["src/xapi/http/"]),
    (r"openssl/", ["src/xapi/http/", "src/xe/"]),
    (r"libvirt/", ["src/hypervisor/libvirt/"]),
    (r"(libxl|libxlutil|xenctrl|xenstore)", ["src/hypervisor/libxl/", "src/xl/"]),
    (r"sqlite3", ["src/xapi/db/"]),
    (r"security/pam_", ["src/authd/"]),
    (r"CLI/", ["main.cpp"]),
    (r"gtest/|gmock/", ["tests/"]),
]


def part_of(name):
    if name.startswith("src/"):
        return name.split("/")[1]
    return "ovs-integration" if name.startswith("ovs-integration/") else None


def included_parts(tree, name):
    for number, line in tree.lines(name):
        match = INCLUDE.match(line)
        if match and match.group(1) == '"':
            first = match.group(2).split("/")[0]
            yield number, first if first in MAY_INCLUDE else None, match.group(2)


def check(tree):
    for name in tree.sources():
        part = part_of(name)
        if part is None or part not in MAY_INCLUDE:
            continue
        backends = set()
        for number, other, header in included_parts(tree, name):
            if other is None or other == part:
                continue
            if other not in MAY_INCLUDE[part]:
                yield f"{name}:{number}: {part} may not include {header}"
            backends |= {other} & BACKENDS
        if len(backends) > 1 and not COMPOSERS.match(name):
            yield f"{name}:1: names {', '.join(sorted(backends))}; only src/xapi/plans/ composes them"
    yield from check_walls(tree)


def check_walls(tree):
    for name in tree.sources():
        if name.startswith("tests/"):
            continue
        for number, line in tree.lines(name):
            match = INCLUDE.match(line)
            if not match:
                continue
            for pattern, folders in WALLS:
                if re.match(pattern, match.group(2)) and not any(
                        name.startswith(folder) or name.endswith("/" + folder) for folder in folders):
                    yield f"{name}:{number}: {match.group(2)} belongs behind {' and '.join(folders)}"
