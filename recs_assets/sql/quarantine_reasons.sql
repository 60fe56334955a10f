-- How many rows of each source table are left out of a week, by reason.
SELECT source_table, outcome, reason, COUNT(*) AS n_rows
FROM quarantine
WHERE week = @week
GROUP BY source_table, outcome, reason
ORDER BY source_table, outcome, n_rows DESC, reason
