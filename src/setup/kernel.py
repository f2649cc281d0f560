# SPDX-License-Identifier: GPL-2.0-or-later
# The running kernel: what it was configured with, and which drivers are built in, loaded or at hand as
# modules. A driver counts as absent only where the configuration says so.
import enum
import gzip
import re
import zlib

from machine import Unseen


class Driver(enum.Enum):
    BUILT_IN = "built in"
    LOADED = "loaded"
    MODULE = "module"
    LOST = "module without its file"
    ABSENT = "not configured"


def _module_name(path):
    return path.rsplit("/", 1)[-1].split(".ko", 1)[0].replace("-", "_")


class Kernel:
    def __init__(self, machine, release):
        self.machine = machine
        self.release = release
        self._config = None

    def config(self):
        """{option: "y" or "m"} of what is set."""
        if self._config is None:
            self._config = dict(re.findall(r"^(CONFIG_\w+)=([ym])$", self._config_text(), re.M))
        return self._config

    def _config_text(self):
        for name in (f"/boot/config-{self.release}", f"/lib/modules/{self.release}/config"):
            text = self.machine.read(name)
            if text is not None:
                return text
        packed = self.machine.read_bytes("/proc/config.gz")
        if packed is None:
            raise Unseen(f"the configuration of kernel {self.release} is nowhere: neither "
                         f"/boot/config-{self.release} nor /proc/config.gz")
        try:
            return gzip.decompress(packed).decode("utf-8", "replace")
        except (OSError, EOFError, zlib.error) as error:
            raise Unseen(f"/proc/config.gz cannot be unpacked: {error}") from None

    def _listed(self, name):
        """Modules in one of the lists that depmod makes."""
        text = self.machine.read(f"/lib/modules/{self.release}/{name}") or ""
        return {_module_name(line.split(":", 1)[0].strip()) for line in text.splitlines() if line.strip()}

    def is_loaded(self, module):
        return bool(module) and self.machine.exists(f"/sys/module/{module}")

    def driver(self, options, module):
        """State of a driver: any of the configuration options, and the module's name with underscores
        ("" where it cannot be a module)."""
        if module and module in self._listed("modules.builtin"):
            return Driver.BUILT_IN
        if self.is_loaded(module):
            return Driver.LOADED
        if module and module in self._listed("modules.dep"):
            return Driver.MODULE
        values = {self.config().get("CONFIG_" + option) for option in options}
        if "y" in values:
            return Driver.BUILT_IN
        return Driver.LOST if "m" in values else Driver.ABSENT
