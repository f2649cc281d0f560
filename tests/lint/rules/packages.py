# SPDX-License-Identifier: GPL-2.0-or-later
# The list of packages is typed once: door/packages.list says what a build needs, and debian/control
# says the same. Binary packages and CMake's install components have the same names.
import re


def paragraphs(text):
    """Fields of each paragraph of a control file, continuation lines joined, comments dropped."""
    text = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    for block in re.split(r"\n\s*\n", text.strip()):
        yield dict((key, value.strip()) for key, value in
                   re.findall(r"^([\w-]+):((?:.*\n?)(?:[ \t].*\n?)*)", block + "\n", re.M))


def build_group(tree):
    rows = (line.split() for line in tree.text("door/packages.list").splitlines())
    return {row[1] for row in rows if len(row) >= 3 and row[0] == "build"}


def build_depends(source):
    names = {item.split()[0] for item in source["Build-Depends"].split(",") if item.strip()}
    return {name for name in names if not name.startswith(("debhelper", "dh-"))}


def components(tree):
    found = {}
    for name in tree.files:
        if name.endswith("CMakeLists.txt"):
            for number, line in tree.lines(name):
                for component in re.findall(r"(?:\bCOMPONENT|\bset\(package_\w+)\s+(\w[\w-]*)", line):
                    found.setdefault(component, f"{name}:{number}")
    return found


def check(tree):
    if "debian/control" not in tree.files:
        yield "debian/control: missing"
        return
    source, *binaries = paragraphs(tree.text("debian/control"))
    ours, theirs = build_group(tree), build_depends(source)
    for name in sorted(ours - theirs):
        yield f"debian/control: Build-Depends lacks {name}, which door/packages.list has"
    for name in sorted(theirs - ours):
        yield f"door/packages.list: group build lacks {name}, which debian/control has"
    packages = {binary["Package"] for binary in binaries}
    found = components(tree)
    for name in sorted(set(found) - packages):
        yield f"{found[name]}: component {name} belongs to no package of debian/control"
    for name in sorted(packages - set(found)):
        yield f"debian/control: nothing is installed for {name}; no CMake component has its name"
