-- The hold on publishing that is in force at a moment: one row, or none. The newest row of the ledger decides, and a hold whose
-- time is over has ended by itself. One that is noted later than that moment counts: a run asks with the moment at which it set
-- out.
WITH
newest AS (
  SELECT action, held_by, reason, held_until, noted_at
  FROM holds
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
)
SELECT held_by, reason, held_until, noted_at
FROM newest
WHERE action = 'set' AND (held_until IS NULL OR held_until > @now)
