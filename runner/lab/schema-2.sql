-- Version 2: kernels that klab builds, so a stage has one kernel per config.
-- This comes after schema.sql and never changes either.

DROP VIEW study_sample;

-- What the study calls its Kconfig variants, in order; prebuilt kernels have
-- one, as-shipped.
CREATE TABLE config (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	request TEXT NOT NULL,          -- base, fragments and options
	PRIMARY KEY (study, name)
);
INSERT INTO config SELECT DISTINCT study, 'as-shipped', 'as shipped' FROM stage;

-- One kernel of a study: a stage under a config.  request is what was asked
-- for; of a kernel that klab builds, the content key.
CREATE TABLE variant (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	stage INTEGER NOT NULL,         -- stage.idx
	config TEXT NOT NULL,
	request TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN (
		'todo',                 -- not built yet
		'ready',                -- there is a kernel
		'broken',               -- it does not build
		'none')),               -- it cannot be had: error says why
	kernel_key TEXT REFERENCES kernel(key),
	run_key TEXT REFERENCES kernel(key),
	                                -- what its boots run: the first kernel in
	                                -- the lab with the same code identity
	error TEXT,                     -- one sentence
	errors TEXT,                    -- of the compiler, a JSON list of
	                                -- {file, line, text, touched}
	log TEXT,                       -- of the build, below the lab
	wall_ms INTEGER,                -- of the build; NULL if none was needed
	PRIMARY KEY (study, stage, config)
);
INSERT INTO variant
	SELECT study, idx, 'as-shipped', request,
	       CASE WHEN kernel_key IS NULL THEN 'none' ELSE 'ready' END,
	       kernel_key, kernel_key, error, NULL, NULL, NULL
	FROM stage;

-- Folders below the lab that a study builds in: a worktree, object folders,
-- settled configs.  klab gc drops those that are in no row.
CREATE TABLE folder (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	path TEXT NOT NULL,
	PRIMARY KEY (study, path)
);

-- title is the subject of the stage's patch, NULL if there is none.
CREATE TABLE stage_2 (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	name TEXT NOT NULL,
	title TEXT,
	request TEXT NOT NULL,
	PRIMARY KEY (study, idx)
);
INSERT INTO stage_2 SELECT study, idx, name, NULL, request FROM stage;
DROP TABLE stage;
ALTER TABLE stage_2 RENAME TO stage;

-- 64 hex digits, equal for kernels that load the same code; NULL if unknown.
ALTER TABLE kernel ADD COLUMN identity TEXT;
CREATE INDEX kernel_identity ON kernel(identity);

-- What analysis/ and people read: one row per sample of a study.
CREATE VIEW study_sample AS
	SELECT s.name AS study, c.stage, g.name AS stage_name,
	       g.title AS stage_title, c.config, c.machine, m.clock, m.vcpus,
	       m.metronome_us, c.workload, x.metric, x.unit, k.better,
	       k.is_primary, k.is_latency, c.seed, c.boot, v.kernel_key,
	       v.run_key, x.value
	FROM cell c
	JOIN study s ON s.id = c.study
	JOIN stage g ON g.study = c.study AND g.idx = c.stage
	JOIN variant v ON v.study = c.study AND v.stage = c.stage
	              AND v.config = c.config
	JOIN machine m ON m.study = c.study AND m.name = c.machine
	JOIN boot b ON b.id = c.boot AND b.state = 'ok'
	JOIN sample x ON x.boot = c.boot
	JOIN metric k ON k.study = c.study AND k.workload = c.workload
	             AND k.name = x.metric;
