-- How Sluice writes everything exactly once. Each transaction moves the positions in `applied`
-- first, and fails if they are not where its run left them; so rows and positions are committed
-- together or not at all, and after a lost reply the row tells what arrived.

CREATE SCHEMA IF NOT EXISTS sluice;
COMMENT ON SCHEMA sluice IS
    'Bookkeeping of the Sluice write-behind cache. It holds no business data, and the rows of '
    'business tables are only trustworthy together with it: back both up, restore both';

-- One row a run of an engine, updated by each of its transactions and by nothing else, until the
-- run has ended and the row is sealed. Half of each page stays free, and there is no index but the
-- primary key, so that every update is heap-only.
CREATE TABLE sluice.lane (
    generation uuid PRIMARY KEY,
    epoch      bigint NOT NULL,
    owner      bigint NOT NULL,
    applied    bigint[] NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT now(),
    sealed_at  timestamptz
) WITH (fillfactor = 50);

COMMENT ON TABLE sluice.lane IS
    'One row a run of an engine: how far its records have reached this database. Never edit it. '
    'Where sealed_at is NULL, the run lives, or died before all it had accepted was written here: '
    'the rest is in the file GENERATION.lanes of its lane directory (engine option dir), and the '
    'next engine that opens that directory writes it and seals the row. Without that file the rest '
    'is lost; where applied is all zeros, there may have been none: a run that died before its '
    'first record leaves no file. Delete no row while such a file may be there: run and file are '
    'refused without it. A sealed row may be deleted once no backup of the lane directory older '
    'than sealed_at can come back: a file that did could be written a second time';
COMMENT ON COLUMN sluice.lane.generation IS
    'The run: a new one each time an engine opens Sluice, and the name of its file of lanes';
COMMENT ON COLUMN sluice.lane.epoch IS
    'The connection within the run. It grows with each reconnect, and shuts out what the former '
    'connection left behind in the server. Engines that carry on a dead run connect, too';
COMMENT ON COLUMN sluice.lane.owner IS
    'The process that writes for the run, by a number drawn when it opened Sluice. One that takes a '
    'run over becomes its owner, and the former one, should it still live, stops at its next '
    'connection: fenced';
COMMENT ON COLUMN sluice.lane.applied IS
    'For each lane, the number of its last record that is in the database';
COMMENT ON COLUMN sluice.lane.opened_at IS 'When the run first reached this database';
COMMENT ON COLUMN sluice.lane.sealed_at IS
    'When it was written down that the run has ended and all of its records are in this database. '
    'From then on the row moves no more. NULL while the run lives, and for one that died, until '
    'what it left is written';

-- What the records of dead letters look like: the streams' descriptions, as the program that wrote
-- them was compiled, once each.
CREATE TABLE sluice.letter_format (
    id          bytea PRIMARY KEY,
    description bytea NOT NULL
);

COMMENT ON TABLE sluice.letter_format IS
    'How the records in sluice.dead_letter are to be read: the streams of the program that wrote '
    'them, by their SHA-256. Read by `sluice dead-letter`; a row may go when no letter names it';

-- Records that the database refused, one row each, written in the transaction that carried the rest
-- of their batch: so each record is in its table or here, and never in both.
CREATE TABLE sluice.dead_letter (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation      uuid NOT NULL,
    lane            integer NOT NULL,
    sequence        bigint NOT NULL,
    stream          text NOT NULL,
    version         bigint NOT NULL,
    removed         boolean NOT NULL,
    sqlstate        text NOT NULL,
    constraint_name text,
    reason          text NOT NULL,
    format          bytea NOT NULL REFERENCES sluice.letter_format,
    record          bytea NOT NULL,
    refused_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (generation, lane, sequence)
);

COMMENT ON TABLE sluice.dead_letter IS
    'Records that this database refused, kept so that none is lost: `sluice dead-letter list` shows '
    'them, replay writes them into their tables once the cause is mended, discard gives them up. '
    'They hold business data: guard them as their tables';
COMMENT ON COLUMN sluice.dead_letter.generation IS 'The run of the engine, as in sluice.lane';
COMMENT ON COLUMN sluice.dead_letter.sequence IS
    'The record''s number in its lane: together with generation and lane it names the record';
COMMENT ON COLUMN sluice.dead_letter.version IS
    'Of a state stream''s record: an older version is never written over a newer one. 0 otherwise';
COMMENT ON COLUMN sluice.dead_letter.removed IS
    'The record is only a key, whose row was to be deleted';
COMMENT ON COLUMN sluice.dead_letter.sqlstate IS
    'Why it was refused. Empty: not by the database, but before, since no row could hold it';
COMMENT ON COLUMN sluice.dead_letter.reason IS 'In words, without values';
COMMENT ON COLUMN sluice.dead_letter.record IS 'The record''s bytes, as letter_format describes';

-- The version of these tables, in the form of the migration runner, which makes it where it is not:
-- here, so that every role may read it. It holds a number, and each engine compares it with its own
-- whenever it connects.
CREATE TABLE IF NOT EXISTS sluice.schema_migrations (
    version bigint NOT NULL PRIMARY KEY,
    dirty   boolean NOT NULL
);
GRANT SELECT ON sluice.schema_migrations TO PUBLIC;
