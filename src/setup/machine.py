# SPDX-License-Identifier: GPL-2.0-or-later
# The machine that is looked at: every file, directory, device and program goes through this one object,
# so that a test can give another root directory and other programs. "Not there" is None (or an empty
# list); what cannot be seen raises Unseen with the reason, and is never taken for "not there".
import os
import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

PROGRAM_SECONDS = 30


class Unseen(Exception):
    """Something could not be found out; the text says what and why."""


@dataclass
class Ran:
    """What a program left: its exit status and what it printed."""
    status: int
    output: str = ""
    errors: str = ""


def run_program(arguments, seconds=PROGRAM_SECONDS):
    """Runs a program in the C locale; None if there is no such program. Unseen after `seconds`."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=seconds,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": path}, check=False)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise Unseen(f"{arguments[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Unseen(f"{arguments[0]} did not answer within {seconds} s") from None
    return Ran(done.returncode, done.stdout, done.stderr)


class Machine:
    """`root` is the directory that stands for /; `run` takes (arguments, seconds) and returns a Ran, or
    None for a program that is not there; `privileged` says whether we are root."""

    def __init__(self, root="/", run=run_program, privileged=None):
        self.root = "" if str(root) == "/" else str(root)
        self.run = run
        self.privileged = os.geteuid() == 0 if privileged is None else privileged

    def path(self, name):
        return pathlib.Path(self.root + name)

    def _unseen(self, name, error):
        who = "" if self.privileged else "; run this as root to see it"
        return Unseen(f"{name}: {error.strerror}{who}")

    def read_bytes(self, name):
        """The file's content, or None if there is no such file."""
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unseen(name, error) from None

    def read(self, name):
        content = self.read_bytes(name)
        return None if content is None else content.decode("utf-8", "replace")

    def exists(self, name):
        try:
            os.stat(self.path(name))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unseen(name, error) from None
        return True

    def names(self, directory):
        """What is in a directory, sorted; nothing if there is no such directory."""
        try:
            return sorted(os.listdir(self.path(directory)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._unseen(directory, error) from None

    def why_not_opened(self, name):
        """Empty if the file can be opened for reading and writing, else the reason."""
        try:
            os.close(os.open(self.path(name), os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            return error.strerror
        return ""

    def processes(self):
        """The short names of all processes."""
        found = set()
        for number in self.names("/proc"):
            if number.isdigit():
                try:
                    found.add((self.read(f"/proc/{number}/comm") or "").strip())
                except Unseen:
                    continue  # it ended while we looked, or is hidden from us
        return found - {""}

    # ---- changes, which only xcp-setup makes --------------------------------------------------

    def write(self, name, text, mode=0o644):
        """Replaces the file as a whole: after a crash there is the old one or the new one."""
        place = self.path(name)
        handle, draft = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with os.fdopen(handle, "w") as out:
                out.write(text)
                out.flush()
                os.fchmod(out.fileno(), mode)
                os.fsync(out.fileno())
            os.replace(draft, place)
        except BaseException:
            os.unlink(draft)
            raise
        self._sync_directory(place.parent)

    def remove(self, name):
        self.path(name).unlink(missing_ok=True)
        self._sync_directory(self.path(name).parent)

    @staticmethod
    def _sync_directory(directory):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
