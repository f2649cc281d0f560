# SPDX-License-Identifier: GPL-2.0-or-later
# What xcp-host-check says: a fact is looked up by one function and gives one finding, whose state is
# never better than what was seen. Also how findings are printed, as text and as JSON.
import enum
import textwrap
from dataclasses import dataclass
from typing import Callable

from machine import Unseen

WIDTH = 100


class State(enum.Enum):
    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    UNKNOWN = "unknown"
    NOT_NEEDED = "not needed"


COLOURS = {State.OK: "32", State.WARNING: "33", State.MISSING: "31;1", State.UNKNOWN: "35",
           State.NOT_NEEDED: "2"}
NEEDS_DOING = (State.WARNING, State.MISSING, State.UNKNOWN)


@dataclass
class Finding:
    group: str
    name: str
    state: State
    found: str
    todo: str = ""


@dataclass
class Fact:
    """`look` takes the host and returns (state, found, what to do)."""
    group: str
    name: str
    look: Callable


def ok(found):
    return State.OK, found, ""


def warning(found, todo):
    return State.WARNING, found, todo


def missing(found, todo):
    return State.MISSING, found, todo


def not_needed(found):
    return State.NOT_NEEDED, found, ""


def survey(host, facts):
    """One finding a fact. Only Unseen is caught: any other exception is a fault of ours and shows."""
    findings = []
    for fact in facts:
        try:
            state, found, todo = fact.look(host)
        except Unseen as reason:
            state, found, todo = State.UNKNOWN, str(reason), ""
        findings.append(Finding(fact.group, fact.name, state, found, todo))
    return findings


def count(findings, state):
    return sum(finding.state is state for finding in findings)


def exit_status(findings, strict):
    bad = [State.MISSING] + ([State.WARNING, State.UNKNOWN] if strict else [])
    return 1 if any(finding.state in bad for finding in findings) else 0


def as_json(findings, hypervisor, because):
    return {"hypervisor": hypervisor, "because": because,
            "clean": count(findings, State.MISSING) == 0,
            "counts": {state.value: count(findings, state) for state in State},
            "facts": [{"group": finding.group, "name": finding.name, "state": finding.state.value,
                       "found": finding.found, "todo": finding.todo} for finding in findings]}


def _lines(finding, name_width, colour):
    state = f"{finding.state.value:<10}"
    if colour:
        state = f"\033[{COLOURS[finding.state]}m{state}\033[0m"
    indent = " " * (2 + 10 + 2 + name_width + 2)
    found = textwrap.wrap(finding.found, WIDTH - len(indent), break_long_words=False,
                          break_on_hyphens=False) or [""]
    yield f"  {state}  {finding.name:<{name_width}}  {found[0]}"
    yield from (indent + line for line in found[1:])
    for number, line in enumerate(textwrap.wrap(finding.todo, WIDTH - len(indent) - 3, break_long_words=False,
                                                break_on_hyphens=False)):
        yield indent + ("-> " if number == 0 else "   ") + line


def as_text(findings, hypervisor, because, quiet=False, colour=False):
    """Lines for a person; with `quiet` only what needs doing."""
    shown = [finding for finding in findings if not quiet or finding.state in NEEDS_DOING]
    if not quiet:
        yield f"Checked for {hypervisor}: {because}."
    group = None
    for finding in shown:
        if finding.group != group:
            group = finding.group
            if not quiet or finding is not shown[0]:
                yield ""
            yield group
        yield from _lines(finding, max(len(finding.name) for finding in findings), colour)
    if not quiet:
        yield ""
        yield closing(findings)


def closing(findings):
    counts = [f"{count(findings, state)} {state.value}" for state in NEEDS_DOING if count(findings, state)]
    if not counts:
        return "Everything is ready."
    if count(findings, State.MISSING):
        return f"Not ready: {', '.join(counts)}."
    return f"Usable: {', '.join(counts)}."
