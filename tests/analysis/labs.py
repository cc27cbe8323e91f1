"""Small labs of known truth, built from the real schema."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = [ROOT / "runner" / "lab" / name
          for name in ("schema.sql", "schema-2.sql", "schema-3.sql",
                       "schema-4.sql", "schema-5.sql")]


class LabMaker:
    """Fills a new database; everything has a default that a test may change.

    Kernels are stages 0, 1, .. in the order given; a kernel's key is its name
    unless the test says otherwise.  rules is what the study's column `compare`
    holds; a seed above 100000 makes its boot one of the baseline's A/A boots,
    one above 200000 a confirmation.
    """

    def __init__(self, folder: Path, study: str = "demo", *,
                 kernels: tuple[str, ...] = ("old", "new"),
                 min_effect: float = 0.01, baseline: int = 0,
                 text: str = "study: demo\n",
                 rules: dict | None = None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "lab.db"
        self.db = sqlite3.connect(self.path)
        for path in SCHEMA:
            self.db.executescript(path.read_text())
        self.db.execute(
            "INSERT INTO study VALUES (1, ?, 'demo.yaml', ?, ?, ?, "
            "'2026-01-01T00:00:00Z', ?, NULL)",
            (study, text, baseline, min_effect, json.dumps(rules or {})))
        self.keys: dict[int, str] = {}
        self.configs: set[str] = set()
        for index, name in enumerate(kernels):
            self.stage(index, name)
        self.cells: set[tuple] = set()

    def stage(self, index: int, name: str, key: str | None = None,
              error: str | None = None, *, title: str | None = None,
              config: str = "default", run_key: str | None = None,
              state: str | None = None, errors: str | None = None,
              **kernel: str) -> None:
        """Add or replace a stage, or its kernel under one more config; error
        means that it has no kernel."""
        key = None if error else key or f"key-{name}"
        if key:
            self.db.execute(
                "INSERT OR IGNORE INTO kernel VALUES (?,?,?,?,?,?,?,?,?)",
                (key, kernel.get("release", name), kernel.get("banner", "#1"),
                 "debian-image", kernel.get("package", f"linux-image-{name}"),
                 kernel.get("version", "1.2-3"),
                 kernel.get("sha256", "ab" * 32), "2026-01-01T00:00:00Z",
                 None))
        self.db.execute("INSERT OR REPLACE INTO stage VALUES (1,?,?,?,?)",
                        (index, name, title, name))
        self.config(config)
        self.db.execute(
            "INSERT OR REPLACE INTO variant VALUES (1,?,?,?,?,?,?,?,?,?,?)",
            (index, config, name, state or ("none" if error else "ready"),
             key, run_key or key, error, errors, None, None))
        self.keys[index] = run_key or key or ""

    def config(self, name: str) -> None:
        """Add a config."""
        if name not in self.configs:
            self.configs.add(name)
            self.db.execute("INSERT INTO config VALUES (1,?,?)", (name, name))

    def machine(self, name: str = "icount-1cpu", *, clock: str = "exact",
                accel: str = "icount", vcpus: int = 1,
                metronome_us: int = 0) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO machine VALUES (1,?,?,?,?,?,?)",
            (name, clock, vcpus, 512, metronome_us, accel))

    def metric(self, workload: str = "hackbench", name: str = "time",
               unit: str = "ns", better: str = "lower", *,
               primary: bool = True, latency: bool = False) -> None:
        self.db.execute("INSERT INTO metric VALUES (1,?,?,?,?,?,?)",
                        (workload, name, unit, better, primary, latency))

    def boot(self, stage: int, seed: int, samples: dict[str, float], *,
             config: str = "default", machine: str = "icount-1cpu",
             workload: str = "hackbench", state: str = "ok",
             outcome: str | None = None, detail: str | None = None,
             reason: str | None = None, excerpt: str | None = None,
             fingerprint: dict | None = None,
             matters: dict[str, str] | None = None,
             wall_ms: int = 4000, started: str = "2026-01-01T00:00:00Z",
             ) -> str:
        """One boot and its cell; samples are metric to value (in its unit).
        Cells of one kernel key share the boot.  Returns its id."""
        ident = "-".join(map(str, (self.keys[stage], config, machine,
                                   workload, seed))).replace(" ", "_")
        self.cell(stage, seed, ident, config, machine, workload)
        if config not in self.configs:
            self._spread(config)
        if matters:
            fingerprint = {**(fingerprint or {}), "matters": matters}
        self.db.execute(
            "INSERT OR IGNORE INTO boot VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1)",
            (ident, self.keys[stage], seed, state,
             outcome or ("ok" if state == "ok" else "panic"), reason, excerpt,
             started, wall_ms, 10 ** 9,
             json.dumps(fingerprint) if fingerprint else None, detail))
        self.db.executemany(
            "INSERT OR IGNORE INTO sample VALUES (?,?,'',?)",
            [(ident, name, value) for name, value in samples.items()])
        return ident

    def finding(self, boot: str, kind: str = "warning",
                function: str | None = "flush_all", *,
                line: str = "WARNING: CPU: 0 PID: 1 at mm/slub.c:9",
                detail: str | None = None, count: int = 1,
                fatal: bool = False, consequence: bool = False,
                excerpt: str = "excerpt\n", harmless: bool = False) -> None:
        """One finding of a boot; its signature is kind and function."""
        idx = self.db.execute("SELECT count(*) FROM finding WHERE boot = ?",
                              (boot,)).fetchone()[0]
        self.db.execute(
            "INSERT INTO finding VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (boot, idx, kind, f"{kind}-{function}", function,
             18 if function else None, line, detail, 600000, count, fatal,
             consequence, excerpt))
        self.db.execute("UPDATE boot SET outcome = 'splat', detail = 'splat' "
                        "WHERE id = ? AND state = 'ok'", (boot,))
        if harmless:
            self.db.execute("INSERT OR IGNORE INTO harmless VALUES (1,?)",
                            (line,))

    def _spread(self, config: str) -> None:
        """Every stage has the kernel of the first config under this one."""
        first = self.db.execute(
            "SELECT name FROM config ORDER BY rowid").fetchone()[0]
        self.config(config)
        self.db.execute(
            "INSERT INTO variant SELECT study, stage, ?, request, state, "
            "kernel_key, run_key, error, errors, log, wall_ms FROM variant "
            "WHERE config = ?", (config, first))

    def cell(self, stage: int, seed: int, boot: str,
             config: str = "default", machine: str = "icount-1cpu",
             workload: str = "hackbench") -> None:
        """A cell whose boot may not exist yet."""
        role = ("confirm" if seed > 200000 else
                "aa" if seed > 100000 else "sample")
        self.db.execute("INSERT INTO cell VALUES (1,?,?,?,?,?,?,?)",
                        (stage, config, machine, workload, seed, boot, role))

    def histogram(self, boot: str, metric: str, cpu: int,
                  counts: dict[int, int] | str, *, limit_us: int = 1000,
                  overflow: int = 0) -> None:
        text = counts if isinstance(counts, str) else json.dumps(
            {str(us): count for us, count in counts.items()})
        self.db.execute("INSERT INTO histogram VALUES (?,?,?,?,?,?)",
                        (boot, metric, cpu, limit_us, text, overflow))

    def done(self) -> Path:
        """Commit and close; the path of the database."""
        self.db.commit()
        self.db.close()
        return self.path


def simple(folder: Path, values: dict[str, list[float]],
           **options: object) -> Path:
    """A lab with one config, machine, workload and metric: kernel to one
    value per boot.  options go to LabMaker.metric."""
    lab = LabMaker(folder, kernels=tuple(values))
    lab.machine()
    lab.metric(**options)
    for stage, found in enumerate(values.values()):
        for seed, value in enumerate(found, 1):
            lab.boot(stage, seed, {str(options.get("name", "time")): value})
    return lab.done()
