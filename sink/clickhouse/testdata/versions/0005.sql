INSERT INTO inspection_findings (day, asked_at, rule, fingerprint, severity, labels, summary, completeness, revision)
VALUES (today() - 1, toDateTime64(today(), 6, 'UTC'), '', '', '', map(), 'one finding', 1, 'r1'), (today() - 1, toDateTime64(today(), 6, 'UTC'), 'ColdTopic', 'f2', 'warning', map('topic', 'cold'), 'cold is cold', 1, 'r1');
