# SPDX-License-Identifier: GPL-2.0-or-later
# The words in which the tables of the command line are written. They only keep what they are given;
# generate.py checks every row against the data model and refuses what does not fit.
#
# What a command does (`do`) is one call, written with the parameters of the command as arguments:
#   name            the parameter of that name, converted to the type the message wants there; left
#                   out by the user it takes the message's default
#   name:           the map given as name:key=value words
#   a|b             a, or b when the user left a out
#   "text" 1 true null []  constants
#   {k: a, ...}     a record or a map; what is absent is left out
#   @vm @host @sr   the object the selectors found
#   @pool @localhost @onlyhost   the pool; the host that was contacted; the one host of the pool
#   C.message(...)  the result of another call
#   file(name)      the content of the file on the user's machine
#   absent(name)    true when the user left the parameter out
#   $               in `then`: the result of the main call
from dataclasses import dataclass, field as _field

RO, RW, SRO, SRW, MRO, MRW = "RO", "RW", "SRO", "SRW", "MRO", "MRW"


@dataclass
class Field:
    name: str
    access: str
    src: str
    fmt: str
    sep: str
    expensive: bool
    hidden: bool
    deprecated: bool
    case_insensitive: bool
    whole: bool    # param-set takes the whole set
    set_map: bool  # a map that is written as a whole, one key changed
    clear: bool    # param-clear although the field is read only
    set: str       # messages, where they are not the field's own accessors
    add: str
    remove: str
    put: str       # sets one key of a map


def field(name, access=RO, src=None, *, fmt="", sep="; ", expensive=False, hidden=False,
          deprecated=False, case_insensitive=False, whole=False, set_map=False, clear=False,
          set=None, add=None, remove=None, put=None):
    return Field(name, access, src if src is not None else name.replace("-", "_"), fmt, sep,
                 expensive, hidden, deprecated, case_insensitive, whole, set_map, clear, set, add,
                 remove, put)


@dataclass
class Class:
    name: str
    api: str
    singular: str
    plural: str
    default: list   # shown by -list; empty: all fields
    make: list      # which of param-set, -add, -remove, -clear there are
    filters: dict   # of -list, unless the user says otherwise
    fields: list


def cls(name, api, singular, plural, *, fields, default="", make="set add remove clear",
        filters=()):
    return Class(name, api, singular, plural, default.split(), make.split(), dict(filters), fields)


@dataclass
class Command:
    name: str
    doc: str
    reqd: list
    optn: list
    do: str        # a call, or
    fn: str        # a C++ function
    when: list     # (parameter, call): instead of `do` when the parameter is given and not false
    then: list     # (parameter, call): afterwards, when the parameter is given
    guard: tuple   # (parameter, sentence): must be true
    select: str    # vm, host, sr: works on the objects that selectors find
    show: bool     # print the result
    also: list     # accepted but not documented
    standard: bool
    hidden: bool
    local: bool
    neverforward: bool
    files: bool    # uses files or the terminal of the user
    deprecated: list
    templates: bool  # of select="vm": templates and snapshots may be selected
    dom0: bool       # of select="vm": control domains may be selected
    single: bool     # never works on several objects at once
    long: bool       # worth a progress line
    own_selection: bool  # help names the selectors, but its own parameters say which object
    family: str = ""


def cmd(name, doc, reqd="", optn="", *, do=None, fn=None, when=(), then=(), guard=None, select=None,
        show=True, also="", flags="", deprecated=(), templates=False, dom0=False, single=False,
        long=False, own_selection=False):
    words = flags.split()
    unknown = set(words) - {"standard", "hidden", "local", "neverforward", "files"}
    if unknown:
        raise ValueError(f"{name}: unknown flags {unknown}")
    return Command(name, doc, reqd.split(), optn.split(), do, fn, list(when), list(then), guard,
                   select, show, also.split(), "standard" in words, "hidden" in words,
                   "local" in words, "neverforward" in words, "files" in words, list(deprecated),
                   templates, dom0, single, long, own_selection)
