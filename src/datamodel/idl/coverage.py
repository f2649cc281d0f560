# SPDX-License-Identifier: GPL-2.0-or-later
# Counts what the server answers: for each class the explicit public messages that have a handler,
# and the accessors, which the generic functions serve. Hidden and removed messages do not count.


def _counts(cls):
    public = [m for m in cls.all_messages if not m.hidden and not m.removed]
    explicit = [m for m in public if m.accessor == "None"]
    accessors = len(public) - len(explicit)
    return sum(m.handled for m in explicit), len(explicit), accessors


def report(model):
    """One line a class, then the totals."""
    lines = [f"{'class':<22}{'explicit':>12}{'accessors':>12}{'handled/total':>16}"]
    total = [0, 0, 0]
    for c in model.classes:
        if c.removed_class:
            continue
        handled, explicit, accessors = _counts(c)
        total = [a + b for a, b in zip(total, (handled, explicit, accessors))]
        lines.append(_line(c.name, handled, explicit, accessors))
    lines.append(_line("total", *total))
    return "\n".join(lines)


def _line(name, handled, explicit, accessors):
    share = f"{handled + accessors}/{explicit + accessors}"
    return f"{name:<22}{f'{handled}/{explicit}':>12}{accessors:>12}{share:>16}"
