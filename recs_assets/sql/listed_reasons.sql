-- How often each reason is given in the lists of a week, and among the first parts of them.
SELECT reason_code, COUNT(*) AS n_parts, COUNT(IF(rank <= @slots, 1, NULL)) AS n_first
FROM recommendations
WHERE week = @week
GROUP BY reason_code
ORDER BY n_parts DESC, reason_code
