# SPDX-License-Identifier: GPL-2.0-or-later
# How a sub-command says that it cannot: one line for the person who asked.


class CannotDo(Exception):
    """Nothing was changed, or what was changed is as before; `status` is the exit status."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status
