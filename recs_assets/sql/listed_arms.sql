-- How many people of each arm have a list of a week.
SELECT arm, COUNT(*) AS n_people
FROM recommendations
WHERE week = @week AND rank = 1
GROUP BY arm
ORDER BY arm
