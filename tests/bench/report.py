# SPDX-License-Identifier: GPL-2.0-or-later
# What a benchmark found, as a table for people and as JSON in build/bench. A missed goal is shown
# and is no failure: goals are not tests, and other work on the machine shows in every figure.
import json
import os
import pathlib
import statistics
import time

TOP = pathlib.Path(__file__).resolve().parents[2]


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(values):
    return statistics.median(values)


class Report:
    def __init__(self, name, build):
        self.name = name
        self.rows = []
        self.start_load = os.getloadavg()
        print(f"bench {name}: {os.cpu_count()} cores, load average {self.start_load[0]:.1f}, build {build}")
        self.table_line("name", "measured", "peer", "ratio", "goal", "")

    def table_line(self, name, measured, peer, ratio, goal, verdict):
        print(f"{name:<44} {measured:>12} {peer:>12} {ratio:>7} {goal:>10}  {verdict}", flush=True)

    def add(self, name, measured, unit, peer=None, goal=None, note=""):
        """Smaller is better. With a peer the goal is a ratio, without one it has the unit."""
        ratio = measured / peer if peer else None
        judged = measured if ratio is None else ratio
        verdict = "" if goal is None else "ok" if judged <= goal else "miss"
        self.rows.append({"name": name, "measured": measured, "unit": unit, "peer": peer, "ratio": ratio,
                          "goal": goal, "verdict": verdict, "note": note, "load": os.getloadavg()[0]})

        def shown(value):
            return "" if value is None else f"{value:.4g} {unit}"

        goal_text = "" if goal is None else f"{goal:g} x" if peer else f"{goal:g} {unit}"
        self.table_line(name, shown(measured), shown(peer), "" if ratio is None else f"{ratio:.2f}",
                        goal_text, f"{verdict} {note}".strip())

    def close(self):
        directory = TOP / "build/bench"
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.json"
        path.write_text(json.dumps({"bench": self.name, "time": time.time(), "cores": os.cpu_count(),
                                    "load_at_start": self.start_load, "load_at_end": os.getloadavg(),
                                    "rows": self.rows}, indent=1) + "\n")
        print(f"load average {os.getloadavg()[0]:.1f}; figures in {path.relative_to(TOP)}")
