-- Version 4: what has no value, and why.  This comes after schema-3.sql and
-- never changes either.

-- A metric that a boot which ran to its end gave no value of.
CREATE TABLE missing (
	boot TEXT NOT NULL REFERENCES boot(id) ON DELETE CASCADE,
	metric TEXT NOT NULL,
	why TEXT NOT NULL,              -- one sentence
	PRIMARY KEY (boot, metric)
);

-- Cells of a study without boots, because the workload needs something that
-- this kernel or this machine has not.
CREATE TABLE not_applicable (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	stage INTEGER NOT NULL,         -- stage.idx
	config TEXT NOT NULL,
	machine TEXT NOT NULL,
	workload TEXT NOT NULL,
	why TEXT NOT NULL,              -- one sentence
	PRIMARY KEY (study, stage, config, machine, workload)
);
