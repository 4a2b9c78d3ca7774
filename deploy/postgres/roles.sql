-- The roles of one service. roles.sh runs it with psql, as a superuser, in the database that the services share:
--   kefu_SERVICE_owner   owns the schema SERVICE and all in it; nobody can log in as it
--   kefu_SERVICE         the service: reads and writes rows of its own schema, and nothing else
--   kefu_migrate         becomes each owner in turn, to bring its schema forward
--   kefu_operator        reads all schemas: kefu check, backups
-- May be run again.
\set owner kefu_ :service _owner
\set role kefu_ :service
SET client_min_messages = warning;

SELECT format('CREATE ROLE %I', name)
FROM (VALUES (:'owner'), (:'role'), ('kefu_migrate'), ('kefu_operator')) AS wanted(name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- Who is none of these has no business here, and nothing of ours is in the schema public.
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO :"role", kefu_operator;
GRANT CONNECT ON DATABASE :"DBNAME" TO kefu_migrate;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

ALTER ROLE :"owner" NOLOGIN;
CREATE SCHEMA IF NOT EXISTS :"service" AUTHORIZATION :"owner";

ALTER ROLE kefu_migrate LOGIN NOINHERIT CONNECTION LIMIT 10;
GRANT :"owner" TO kefu_migrate;

-- The limit is nine replicas of two lanes. A service sets its own timeouts; these are for whoever else comes with its password.
ALTER ROLE :"role" LOGIN NOINHERIT CONNECTION LIMIT 60;
ALTER ROLE :"role" SET search_path = :"service", pg_temp;
ALTER ROLE :"role" SET statement_timeout = '10s';
ALTER ROLE :"role" SET lock_timeout = '2s';
ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE :"role" SET client_connection_check_interval = '2s';
GRANT USAGE ON SCHEMA :"service" TO :"role";

ALTER ROLE kefu_operator LOGIN NOINHERIT CONNECTION LIMIT 10;
ALTER ROLE kefu_operator SET idle_in_transaction_session_timeout = '10min';
GRANT USAGE ON SCHEMA :"service" TO kefu_operator;

-- What the owner makes is the service's to use from the start, so migrations speak of no role.
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"role";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service" GRANT USAGE, SELECT ON SEQUENCES TO :"role";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service" GRANT EXECUTE ON FUNCTIONS TO :"role";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service" GRANT SELECT ON TABLES TO kefu_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service" GRANT SELECT ON SEQUENCES TO kefu_operator;
