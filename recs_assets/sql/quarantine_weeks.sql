SELECT week, COUNT(*) AS n_rows
FROM quarantine
GROUP BY week
ORDER BY week
