-- The newest week before another one that was mailed: one row, NULL where there is none.
SELECT MAX(week) AS week
FROM publications
WHERE week < @week AND wide_table IS NOT NULL
