-- Version 5: boots beyond the planned ones, and what was made of all of them.
-- This comes after schema-4.sql and never changes either.

DROP VIEW study_sample;

-- The rules by which boots are asked for, as a JSON object: min, max (boots of
-- a cell), until (half the width of an interval that suffices, 0.01 is 1 %, or
-- null), confirm (are claims repeated), budget (boots for that, at most), aa
-- (further boots of the baseline), limits ("workload/metric" to the largest
-- value that is allowed, in the metric's unit).  '{}': stored before there were
-- such.
ALTER TABLE study ADD COLUMN compare TEXT NOT NULL DEFAULT '{}';
-- When its verdicts were stored; NULL: never.
ALTER TABLE study ADD COLUMN judged TEXT;

-- What the boot is for.  sample: seeds 1, 2, ..; aa: one more of the baseline,
-- seeds 100001, 100002, ..; confirm: a claim is repeated on fresh seeds,
-- 200001, 200002, ..
ALTER TABLE cell ADD COLUMN role TEXT NOT NULL DEFAULT 'sample'
	CHECK (role IN ('sample', 'aa', 'confirm'));

-- Boots of cells that were taken out when the study was planned anew and may be
-- asked for again: klab gc keeps them until the run is through.
CREATE TABLE spare (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	boot TEXT NOT NULL,
	PRIMARY KEY (study, boot)
);

-- The verdicts of the last run, all of them stored at once.  What has no number
-- is NULL.  change, low and high (95 % interval) are fractions of the base's
-- value: 0.01 is 1 %.
CREATE TABLE verdict (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	stage INTEGER NOT NULL,         -- stage.idx
	config TEXT NOT NULL,
	machine TEXT NOT NULL,
	workload TEXT NOT NULL,
	metric TEXT NOT NULL,
	base INTEGER,                   -- the stage that it is compared with
	verdict TEXT NOT NULL,          -- one word
	reason TEXT,                    -- one sentence
	value REAL,
	unit TEXT,
	change REAL,
	low REAL,
	high REAL,
	p REAL,
	q REAL,                         -- p after the correction for the number
	                                -- of comparisons
	boots INTEGER,                  -- of this stage that count
	more_boots INTEGER,             -- that a decision still needs
	method TEXT,
	PRIMARY KEY (study, stage, config, machine, workload, metric)
);

-- What analysis/ and people read: one row per sample of a study.
CREATE VIEW study_sample AS
	SELECT s.name AS study, c.stage, g.name AS stage_name,
	       g.title AS stage_title, c.config, c.machine, m.clock, m.vcpus,
	       m.metronome_us, c.workload, x.metric, x.unit, k.better,
	       k.is_primary, k.is_latency, c.role, c.seed, c.boot,
	       v.kernel_key, v.run_key, x.value
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
