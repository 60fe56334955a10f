-- The newest verdict of each gate, where it is none that passes.
WITH
newest AS (
  SELECT gate, week, decision, reason, judged_at
  FROM verdicts
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY gate ORDER BY judged_at DESC) = 1
)
SELECT gate, week, decision, reason, judged_at
FROM newest
WHERE decision <> 'PASS'
ORDER BY gate
