"""Records of bisects in the format of runner/bisect/journal.h, by plain halving
of a known truth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

NAME = "demo-bisect-01234567"
METRIC = {"kind": "metric", "workload": "hackbench", "metric": "time",
          "unit": "ns", "direction": 1, "min_effect": 0.01}
PANIC = {"kind": "panic", "workload": "hackbench", "direction": 0,
         "min_effect": 0.01}
GOOD, BAD = 1.00e8, 1.03e8


class Search:
    """A record of n patches of which `culprit` is guilty; lines may be changed
    before write()."""

    def __init__(self, n: int = 10, culprit: int = 7, *, metric: bool = False,
                 subjects: list[str] | None = None, **setup: Any):
        self.n, self.culprit, self.metric = n, culprit, metric
        subjects = subjects or [f"mm: part {k}" for k in range(1, n + 1)]
        kernels = [{"stage": "base", "idx": 0, "weight": 0.0}] + [
            {"stage": str(k), "idx": k, "subject": subject, "weight": 6.0,
             "commit": f"{k:040x}"} for k, subject in enumerate(subjects, 1)]
        self.setup = {
            "t": "setup", "version": 1, "name": NAME, "study": "demo.yaml",
            "config": "rt", "machine": "icount-1cpu", "range": False,
            "criterion": METRIC if metric else PANIC, "kernels": kernels,
            "search": {"kind": "metric" if metric else "break"}, **setup}
        self.lines: list[dict[str, Any]] = [self.setup]
        self.low, self.high, self.boots = 1, n, 0

    # ---- lines ----

    def step(self, verdict: str = "run", why: str = "search",
             kernel: int | None = None, **more: Any) -> None:
        left = range(self.low, self.high + 1)
        line = {"t": "step", "verdict": verdict, "why": why, "mode": "exact",
                "first": self.low, "last": self.low,
                "probability": 1 / len(left), "runs": self.boots,
                "posterior": [[at, 1 / len(left)] for at in left], **more}
        if kernel is not None:
            line["kernel"] = kernel
        if self.metric:
            line.update(good=math.log(GOOD), bad=math.log(BAD), spread=0.001,
                        effect=math.log(BAD / GOOD), low=0.02, high=0.04)
        self.lines.append(line)

    def boot(self, kernel: int, **more: Any) -> None:
        self.boots += 1
        bad = kernel >= self.culprit
        line = {"t": "event", "kernel": kernel, "stage": str(kernel or "base"),
                "seed": self.boots, "boot": f"{self.boots:016x}",
                "wall_s": 1.5, "ran": not bad}
        if self.metric:
            value = (BAD if bad else GOOD) * (1 + self.boots / 1e5)
            line.update(what="value", value=math.log(value), measured=value)
        else:
            line.update(what="bad" if bad else "good",
                        **({"says": "panic: no"} if bad else {}))
        self.lines.append({**line, **more})

    def fresh(self, side: str, kernel: int, **more: Any) -> None:
        self.boots += 1
        bad = kernel >= self.culprit
        line = {"t": "confirm", "side": side, "stage": str(kernel or "base"),
                "seed": 300_001, "boot": f"{self.boots:016x}",
                "what": "bad" if bad else "good"}
        if self.metric:
            line.update(what="value", measured=BAD if bad else GOOD)
        self.lines.append({**line, **more})

    def result(self, verdict: str = "found", why: str = "",
               confirmed: bool = True, **more: Any) -> None:
        at = {"patch": self.culprit, "stage": str(self.culprit),
              "subject": self.setup["kernels"][self.culprit].get("subject")}
        line = {"t": "result", "verdict": verdict, "why": why, "name": NAME,
                "study": "demo.yaml", "criterion": self.setup["criterion"],
                "probability": 0.993, "first": at, "last": at,
                "confirmation": {"confirmed": confirmed, "boots": 1,
                                 "culprit_bad": int(confirmed),
                                 "parent_bad": 0}}
        if self.metric:
            line["effect"] = {"change": 0.03, "low": 0.021, "high": 0.039,
                              "good": GOOD, "bad": BAD, "unit": "ns"}
            line["confirmation"] = {"confirmed": confirmed, "boots": 1,
                                    "change": 0.03, "low": 0.02, "high": 0.04}
        self.lines.append({**line, **more})

    # ---- a search ----

    def ends(self) -> Search:
        self.step(why="calibrate", kernel=0)
        self.boot(0)
        self.step(why="calibrate", kernel=self.n)
        self.boot(self.n)
        return self

    def halve(self) -> Search:
        while self.low < self.high:
            middle = (self.low + self.high - 1) // 2
            self.step(kernel=middle)
            self.lines.append({"t": "event", "kernel": middle, "what": "built",
                               "identity": f"{middle:016x}",
                               "stage": str(middle)})
            self.step(kernel=middle)
            self.boot(middle)
            if middle >= self.culprit:
                self.high = middle
            else:
                self.low = middle + 1
        self.step("found", "")
        return self

    def confirm(self) -> Search:
        self.fresh("culprit", self.culprit)
        self.fresh("parent", self.culprit - 1)
        return self

    def whole(self, **result: Any) -> Search:
        self.ends().halve().confirm().result(**result)
        return self

    def text(self) -> str:
        return "".join(json.dumps(line) + "\n" for line in self.lines)

    def write(self, lab: Path, name: str = NAME) -> Path:
        return put(lab, self.text(), name)


def put(lab: Path, text: str, name: str = NAME) -> Path:
    """A record of this text."""
    path = lab / "bisects" / name / "log.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
