-- The lab database, version 1.  Written by klab alone; analysis/ opens it
-- read-only.  Times are UTC, ISO 8601.  A later version adds a file of its own
-- to the list in db.c; this one never changes.

-- One row per study that was run in this lab; text is the YAML as last run.
CREATE TABLE study (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	path TEXT NOT NULL,
	text TEXT NOT NULL,
	baseline INTEGER NOT NULL,      -- stage number
	min_effect REAL NOT NULL,       -- 0.01 is 1 %
	updated TEXT NOT NULL
);

-- Kernels in the store.  key names the folder in lab/kernels/.
CREATE TABLE kernel (
	key TEXT PRIMARY KEY,
	release TEXT NOT NULL,          -- uname -r
	banner TEXT NOT NULL,           -- the version line of the boot header
	source TEXT NOT NULL,           -- debian-image, image
	package TEXT,                   -- package that held the image
	version TEXT,                   -- its Debian version
	sha256 TEXT NOT NULL,           -- of the kernel image
	added TEXT NOT NULL
);

-- The stages of a study in order; request is what the study asked for, pinned
-- to kernel_key when it was resolved.  error is set when there is no kernel.
CREATE TABLE stage (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	name TEXT NOT NULL,
	request TEXT NOT NULL,
	kernel_key TEXT REFERENCES kernel(key),
	error TEXT,
	PRIMARY KEY (study, idx)
);

CREATE TABLE machine (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	clock TEXT NOT NULL,            -- exact
	vcpus INTEGER NOT NULL,
	memory_mib INTEGER NOT NULL,
	metronome_us INTEGER NOT NULL,  -- 0: none
	PRIMARY KEY (study, name)
);

-- Metrics of the workloads of a study.  workload is the name within the study
-- (unique there), so one workload with two sets of parameters is two rows.
CREATE TABLE metric (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	workload TEXT NOT NULL,
	name TEXT NOT NULL,
	unit TEXT NOT NULL,
	better TEXT NOT NULL CHECK (better IN ('lower', 'higher')),
	is_primary INTEGER NOT NULL,
	is_latency INTEGER NOT NULL,
	PRIMARY KEY (study, workload, name)
);

-- The matrix: which boot answers which cell.  Boots are shared by all cells
-- and studies that ask for the same spec.
CREATE TABLE cell (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	stage INTEGER NOT NULL,
	config TEXT NOT NULL,
	machine TEXT NOT NULL,
	workload TEXT NOT NULL,
	seed INTEGER NOT NULL,
	boot TEXT NOT NULL,             -- boot.id; no such row until it started
	PRIMARY KEY (study, stage, config, machine, workload, seed)
);
CREATE INDEX cell_boot ON cell(boot);

-- One start of one kernel.  id is the head of the sha256 of its spec and names
-- the folder in lab/boots/.  state 'running' in a lab that nobody runs means
-- that the boot was interrupted: it counts as not done.
CREATE TABLE boot (
	id TEXT PRIMARY KEY,
	kernel_key TEXT NOT NULL,
	seed INTEGER NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('running', 'ok', 'bad', 'lab')),
	outcome TEXT NOT NULL,          -- ok, or a word for what went wrong:
	                                -- panic, silent, deadline, flood, garbage,
	                                -- incomplete, agent, metronome, workload,
	                                -- interrupted, qemu, disk
	reason TEXT,                    -- one sentence; NULL if ok
	excerpt TEXT,                   -- console lines around it; NULL if ok
	started TEXT NOT NULL,
	wall_ms INTEGER,                -- host time from start to exit
	guest_ns INTEGER,               -- guest clock at the agent's last frame
	fingerprint TEXT                -- JSON, as in fingerprint.json
);

-- One metric's value from one boot.
CREATE TABLE sample (
	boot TEXT NOT NULL REFERENCES boot(id) ON DELETE CASCADE,
	metric TEXT NOT NULL,
	unit TEXT NOT NULL,
	value REAL NOT NULL,
	PRIMARY KEY (boot, metric)
);

-- A latency histogram, whole: one row per CPU.  counts is a JSON object from
-- bucket (microseconds, as text) to count; overflow counts what fell beyond
-- the last bucket, limit_us.
CREATE TABLE histogram (
	boot TEXT NOT NULL REFERENCES boot(id) ON DELETE CASCADE,
	metric TEXT NOT NULL,
	cpu INTEGER NOT NULL,
	limit_us INTEGER NOT NULL,
	counts TEXT NOT NULL,
	overflow INTEGER NOT NULL,
	PRIMARY KEY (boot, metric, cpu)
);

-- What happened in the lab, in order.
CREATE TABLE event (
	id INTEGER PRIMARY KEY,
	at TEXT NOT NULL,
	study TEXT,
	what TEXT NOT NULL,
	detail TEXT NOT NULL
);

-- What analysis/ and people read: one row per sample of a study.
CREATE VIEW study_sample AS
	SELECT s.name AS study, c.stage, g.name AS stage_name, c.config,
	       c.machine, m.clock, m.vcpus, m.metronome_us, c.workload,
	       x.metric, x.unit, k.better, k.is_primary, k.is_latency, c.seed,
	       c.boot, g.kernel_key, x.value
	FROM cell c
	JOIN study s ON s.id = c.study
	JOIN stage g ON g.study = c.study AND g.idx = c.stage
	JOIN machine m ON m.study = c.study AND m.name = c.machine
	JOIN boot b ON b.id = c.boot AND b.state = 'ok'
	JOIN sample x ON x.boot = c.boot
	JOIN metric k ON k.study = c.study AND k.workload = c.workload
	             AND k.name = x.metric;
