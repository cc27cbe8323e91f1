-- Version 3: what was wrong with a kernel, and what it said about it.  This
-- comes after schema-2.sql and never changes either.

-- outcome is one of seven words now, and detail the finer one:
--	ok               -
--	splat            all ran, but the console has findings
--	workload-failed  workload, metronome, garbage, flood, agent
--	panic            panic: a fatal finding; incomplete: the guest ended
--	                 without a word before its agent was done
--	hang             deadline, or the rule by which it was seen
--	no-boot          silent: the agent was never heard of
--	infra            qemu, metal, disk, lab, interrupted: not the kernel's
--	                 fault
-- The state stays: ok (ok, splat), bad (the kernel's fault), lab (infra).
ALTER TABLE boot ADD COLUMN detail TEXT;
-- The version of the console watch that read this boot's console; 0: none did.
ALTER TABLE boot ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;
UPDATE boot SET detail = outcome WHERE outcome <> 'ok';
UPDATE boot SET outcome = CASE
	WHEN outcome IN ('workload', 'metronome', 'garbage', 'flood', 'agent')
		THEN 'workload-failed'
	WHEN outcome = 'silent' THEN 'no-boot'
	WHEN outcome = 'incomplete' THEN 'panic'
	WHEN outcome = 'deadline' THEN 'hang'
	WHEN outcome IN ('ok', 'panic') THEN outcome
	WHEN state = 'bad' THEN 'workload-failed'
	ELSE 'infra' END;

-- How the machine boots: icount, kvm, tcg, metal.
ALTER TABLE machine ADD COLUMN accel TEXT NOT NULL DEFAULT 'icount';

-- What a boot's console says of a sick kernel, in order (idx).  Equal ones of a
-- boot are one row: count tells how many there were.  signature is equal for
-- equal findings of all boots: kind and function, without addresses.
CREATE TABLE finding (
	boot TEXT NOT NULL REFERENCES boot(id) ON DELETE CASCADE,
	idx INTEGER NOT NULL,
	kind TEXT NOT NULL,             -- panic, oops, lockdep-circular, ...
	signature TEXT NOT NULL,
	function TEXT,                  -- NULL if it names none
	offset INTEGER,                 -- in the function
	line TEXT NOT NULL,             -- the first of the report
	detail TEXT,                    -- the locks, the victim; NULL if none
	us INTEGER,                     -- the kernel's clock; NULL if unknown
	count INTEGER NOT NULL,
	is_fatal INTEGER NOT NULL,      -- the kernel did not go on
	is_consequence INTEGER NOT NULL,-- of one before it: a panic after an
	                                -- oops
	excerpt TEXT NOT NULL,
	PRIMARY KEY (boot, idx)
);
CREATE INDEX finding_signature ON finding(signature);

-- What a study says is harmless: POSIX extended patterns for first lines ...
CREATE TABLE harmless_pattern (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	pattern TEXT NOT NULL,
	PRIMARY KEY (study, pattern)
);
-- ... and those first lines in the lab that they fit.
CREATE TABLE harmless (
	study INTEGER NOT NULL REFERENCES study(id) ON DELETE CASCADE,
	line TEXT NOT NULL,
	PRIMARY KEY (study, line)
);

-- The findings of each study that are not harmless to it.
CREATE VIEW study_finding AS
	SELECT s.id AS study_id, s.name AS study, c.stage, c.config, c.machine,
	       c.workload, c.seed, f.*
	FROM cell c
	JOIN study s ON s.id = c.study
	JOIN finding f ON f.boot = c.boot
	WHERE NOT EXISTS (SELECT 1 FROM harmless h
	                  WHERE h.study = c.study AND h.line = f.line);
