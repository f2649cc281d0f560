# SPDX-License-Identifier: GPL-2.0-or-later
# Lock files pin versions and hashes, and do not say where the packages were fetched from: that is the
# machine's setting (npm: omit-lockfile-registry-resolved).
import json


def check(tree):
    for name in tree.files:
        if name.endswith("package.json") and name.replace("package.json", "package-lock.json") not in tree.files:
            yield f"{name}: has no package-lock.json beside it"
        if not name.endswith("package-lock.json"):
            continue
        for path, entry in json.loads(tree.text(name)).get("packages", {}).items():
            if entry.get("resolved", "").startswith("http"):
                yield f"{name}: {path} is resolved to a registry's host"
            if path and "integrity" not in entry and not entry.get("link"):
                yield f"{name}: {path} has no integrity hash"
