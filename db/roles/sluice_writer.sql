-- A role for an engine, which may write what its sink writes and do nothing else. For psql; run it as
-- the owner of the database and its tables, with the right to make roles:
--
--      psql -d trade -v writer=engine -f sluice_writer.sql
--
--      writer    the role; it is made if it is not there, without a password (\password engine)
--      schema    where the tables of the streams are; public if nothing is said
--
-- It can be run again at any time, also for a role that had more: on the tables it names, the role has
-- exactly these rights afterwards. All of it happens or nothing.
--
-- The tables are those of the streams in queries/trading.sql. For streams of your own, copy this file
-- and change its last part.

\set ON_ERROR_STOP on
\if :{?writer}
\else
\warn 'Which role? Run it with -v writer=NAME'
SELECT 1 / 0 AS without_the_name_of_a_role;
\endif
\if :{?schema}
\else
\set schema public
\endif

BEGIN;

SELECT format('CREATE ROLE %I LOGIN', :'writer')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'writer') \gexec

GRANT CONNECT ON DATABASE :"DBNAME" TO :"writer";

-- Sluice's own tables: where each run stands, and the records that were refused, which it may write
-- but not read.
REVOKE ALL ON ALL TABLES IN SCHEMA sluice FROM :"writer";
GRANT USAGE ON SCHEMA sluice TO :"writer";
GRANT SELECT, INSERT, UPDATE ON sluice.lane TO :"writer";
GRANT INSERT ON sluice.dead_letter, sluice.letter_format TO :"writer";
GRANT SELECT ON sluice.schema_migrations TO :"writer";

-- The version of the migrations, so that an older schema than the engine's is noticed.
GRANT USAGE ON SCHEMA :"schema" TO :"writer";
GRANT SELECT ON :"schema".schema_migrations TO :"writer";

-- A state stream: its rows are inserted, updated and deleted. They may be read, too: INSERT .. ON
-- CONFLICT DO UPDATE asks for the right to read each column it sets, as it takes the value from
-- `excluded`.
REVOKE ALL ON :"schema".orders FROM :"writer";
GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".orders TO :"writer";

-- An append stream: its rows are inserted, and never read. The sequence numbers them.
REVOKE ALL ON :"schema".executions FROM :"writer";
GRANT INSERT ON :"schema".executions TO :"writer";
GRANT USAGE ON SEQUENCE :"schema".executions_id_seq TO :"writer";

COMMIT;
