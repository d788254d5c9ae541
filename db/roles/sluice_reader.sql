-- A role for an engine's reader, which may read the tables that state streams write, and do nothing
-- else. For psql; run it as the owner of the database and its tables, with the right to make roles:
--
--      psql -d trade -v reader=engine_reader -v connections=3 -f sluice_reader.sql
--
--      reader       the role; it is made if it is not there, without a password (\password engine_reader)
--      schema       where the tables of the streams are; public if nothing is said
--      connections  the most it may have at a time, -1 for any number; as it is if nothing is said
--
-- It can be run again at any time, also for a role that had more: on the tables it names, the role has
-- exactly these rights afterwards. All of it happens or nothing.
--
-- The tables are those of the streams in queries/trading.sql. For streams of your own, copy this file
-- and change its last part.

\set ON_ERROR_STOP on
\if :{?reader}
\else
\warn 'Which role? Run it with -v reader=NAME'
SELECT 1 / 0 AS without_the_name_of_a_role;
\endif
\if :{?schema}
\else
\set schema public
\endif

BEGIN;

SELECT format('CREATE ROLE %I LOGIN', :'reader')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'reader') \gexec

GRANT CONNECT ON DATABASE :"DBNAME" TO :"reader";

-- Its sessions say the same, but a stolen password need not.
ALTER ROLE :"reader" SET default_transaction_read_only = on;

\if :{?connections}
ALTER ROLE :"reader" CONNECTION LIMIT :connections;
\endif

-- Nothing of Sluice's own: a reader asks for rows alone.
REVOKE ALL ON ALL TABLES IN SCHEMA sluice FROM :"reader";

-- The state streams.
GRANT USAGE ON SCHEMA :"schema" TO :"reader";
REVOKE ALL ON :"schema".orders FROM :"reader";
GRANT SELECT ON :"schema".orders TO :"reader";

COMMIT;
