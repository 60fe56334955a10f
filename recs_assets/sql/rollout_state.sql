-- Where the rollout stands: one row, or none.
SELECT *
FROM rollout
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
