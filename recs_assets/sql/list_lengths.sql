-- How many people have a list of each length.
WITH
lengths AS (
  SELECT user_id, COUNT(*) AS n_parts
  FROM recommendations
  WHERE week = @week
  GROUP BY user_id
)
SELECT n_parts, COUNT(*) AS n_people
FROM lengths
GROUP BY n_parts
ORDER BY n_parts
