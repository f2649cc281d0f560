# SPDX-License-Identifier: GPL-2.0-or-later
# Where the tests find what they test: the modules of src/setup, and programs without an extension.
import importlib.machinery
import importlib.util
import pathlib
import sys

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
SETUP = TOP / "src/setup"
BOOT = TOP / "src/hypervisor/boot"
DROP_IN = BOOT / "zz-xcp-hypervisor-xen.cfg"
sys.path.insert(0, str(SETUP))


def program(path):
    """A program as a module."""
    loader = importlib.machinery.SourceFileLoader(path.name.replace("-", "_"), str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
