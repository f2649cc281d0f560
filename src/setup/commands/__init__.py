# SPDX-License-Identifier: GPL-2.0-or-later
# The sub-commands of xcp-setup, one module each. A module has NAME and SUMMARY, add_arguments(parser), and
# run(args, machine, out), which returns the exit status and raises CannotDo with a line for the user. Only
# what is listed here exists.
from commands import dom0

ALL = (dom0,)
