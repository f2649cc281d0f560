# SPDX-License-Identifier: GPL-2.0-or-later
# The words in which the data model is written: one function for each kind of row. They only keep
# what they are given; idl.model resolves names and refuses a row that is incomplete or wrong.
#
# Types are text: string, int (64 bit), float, bool, datetime, secretstring (a string that is never
# logged), void, any (a value whose shape only the message knows), "enum E", "C ref", "C record",
# "T set", "T option", "(K -> V) map".
from dataclasses import dataclass, field as _field
from typing import Any, Optional

# Who may give a field its value.
RW = "ReadWrite"                  # clients, at any time: set_, add_to_, ... exist
STATIC_RO = "StaticReadOnly"      # clients, only in the record given to create
DYNAMIC_RO = "DynamicReadOnly"    # only the system

_ABSENT = object()  # "no default" is not the same as a default of None


@dataclass
class Lifecycle:
    since: Optional[str]
    published: Optional[str] = None   # was a prototype from `since` until then
    deprecated: Optional[str] = None  # since when
    prototyped: bool = False          # may still change without notice

    @property
    def state(self):
        if self.deprecated:
            return "Deprecated"
        return "Prototyped" if self.prototyped else "Published"


@dataclass
class Enum:
    name: str
    values: dict  # wire spelling -> what it means
    doc: str
    owner: Any = None


@dataclass
class Field:
    name: str
    type: str
    qualifier: str
    default: Any
    doc: str
    life: Lifecycle
    path: str             # name with its namespaces joined by '/'
    persist: bool         # False: kept in memory, set to its default when xapi starts
    internal: bool        # never on the wire
    stored: bool          # a Set(Ref) that is data and not a back reference
    derived: Optional[str]  # "C.f": the C objects whose field f names this object
    reader_roles: Optional[tuple]
    writer_roles: Optional[tuple]
    map_key_roles: dict

    @property
    def has_default(self):
        return self.default is not _ABSENT


@dataclass
class Param:
    name: str
    type: str
    default: Any
    doc: str

    @property
    def has_default(self):
        return self.default is not _ABSENT


@dataclass
class Message:
    name: str
    params: list
    result: str
    result_doc: str
    doc: str
    roles: Optional[tuple]
    errors: list
    life: Lifecycle
    session: bool
    async_: bool
    hidden: bool
    pool_internal: bool
    secret: bool
    emergency: bool
    handled: bool
    accessor: str = "None"
    field: Optional[Field] = None
    map_key_roles: dict = _field(default_factory=dict)
    removed: bool = False


@dataclass
class Class:
    name: str
    doc: str
    life: Lifecycle
    reader_roles: Optional[tuple]
    writer_roles: Optional[tuple]
    enums: list
    fields: list
    messages: list
    removed: list
    removed_class: bool
    in_database: bool
    persist: bool
    events: bool
    get_all: bool
    accessors: bool
    create_destroy: bool
    task_per_call: bool
    handled_accessors: list


def enum(name, *, doc, values):
    """An enumeration; the order of `values` is the order of the generated enumerators."""
    return Enum(name, values, doc)


def field(qualifier, name, type, *, doc, default=_ABSENT, since=None, published=None,
          deprecated=None, prototyped=False, path=None, persist=True, internal=False, stored=False,
          derived=None, reader_roles=None, writer_roles=None, map_key_roles=None):
    """A field. Without a default it must be given to create, or the system sets it."""
    return Field(name, type, qualifier, default, doc,
                 Lifecycle(since, published, deprecated, prototyped), path or name, persist,
                 internal, stored, derived, reader_roles, writer_roles, map_key_roles or {})


def param(name, type, *, doc, default=_ABSENT):
    """A parameter. One with a default may be left out, if all that follow may be."""
    return Param(name, type, default, doc)


def message(name, *, doc, roles=None, params=(), result="void", result_doc="", errors=(),
            since=None, published=None, deprecated=None, prototyped=False, session=True,
            async_=False, hidden=False, pool_internal=False, secret=False, emergency=False,
            handled=False):
    """An explicit message. `session` is False where no session comes first; `emergency` messages
    are answered by a host that cannot reach its coordinator; `handled` says that a C++ function
    <class>_<name> exists."""
    return Message(name, list(params), result, result_doc, doc, roles, list(errors),
                   Lifecycle(since, published, deprecated, prototyped), session, async_, hidden,
                   pool_internal, secret, emergency, handled)


def cls(name, *, doc, since, reader_roles=None, writer_roles=None, enums=(), fields=(),
        messages=(), removed=(), removed_class=False, published=None, deprecated=None,
        prototyped=False, in_database=True, persist=True, events=True, accessors=True,
        get_all=True, create_destroy=False, task_per_call=True, handled_accessors=()):
    """A class. `accessors` is False where every message is explicit. `removed` names the messages
    that once existed and now answer MESSAGE_REMOVED. `handled_accessors` names derived messages
    that have a hand-written function all the same."""
    return Class(name, doc, Lifecycle(since, published, deprecated, prototyped), reader_roles,
                 writer_roles, list(enums), list(fields), list(messages), list(removed),
                 removed_class, in_database, persist, events, get_all, accessors, create_destroy,
                 task_per_call, list(handled_accessors))


@dataclass
class Error:
    code: str
    params: Optional[list]
    doc: str


@dataclass
class Alert:
    name: str
    priority: int
    doc: str


def error(code, params, *, doc):
    """An error code with the names of its parameters; None: the list is open."""
    return Error(code, params, doc)


def alert(name, priority, *, doc):
    """The name of a message object with its priority, 1 (data may be lost) to 5 (information)."""
    return Alert(name, priority, doc)
