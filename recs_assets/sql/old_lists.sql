-- How many rows are served of weeks that are not looked back at any more.
SELECT week, COUNT(*) AS n_rows
FROM recommendations
WHERE week <= @week
GROUP BY week
ORDER BY week
