-- How often gate 1 has passed since a moment.
SELECT COUNT(*) AS n_passed
FROM verdicts
WHERE gate = 'gate_1' AND decision = 'PASS' AND judged_at >= CAST(@since AS TIMESTAMP)
