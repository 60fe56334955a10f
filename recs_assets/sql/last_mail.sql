SELECT week, n_mailed
FROM publications
WHERE n_mailed IS NOT NULL AND week <= @week
ORDER BY sequence DESC
LIMIT 1
