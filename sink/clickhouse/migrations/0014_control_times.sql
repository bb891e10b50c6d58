-- Of what is no command, as a route or what readers could not read, there is no time at which it was made: NULL, as expires_at has it.
DROP VIEW IF EXISTS control_history;
CREATE VIEW IF NOT EXISTS control_history AS
SELECT ts, kind, name, revision, outcome, action, scope, author, reason, nullIf(created_at, toDateTime64(0, 3, 'UTC')) AS created_at,
       nullIf(expires_at, toDateTime64(0, 3, 'UTC')) AS expires_at, ended_by, ended_reason, shadow, percent, made_by, refused, source, source_offset, record
FROM control_commands FINAL;
