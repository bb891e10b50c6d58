INSERT INTO alerts (rule, fingerprint, starts_at, seq, state, at, fired_at, completeness, revision)
VALUES ('Surge', 'f3', '2026-11-20 00:00:00', 1, 'firing', '2026-11-20 00:00:10', '2026-11-20 00:00:10', 1, 'r1');
