-- People who were given an arm before a moment and are no users of the source any more, and how many have one.
WITH
people AS (
  SELECT user_id, MIN(first_assigned_at) AS first_assigned_at
  FROM rollout_assignment
  GROUP BY user_id
)
SELECT people.user_id, (SELECT COUNT(*) FROM people) AS n_people
FROM people
LEFT JOIN users ON users.user_id = people.user_id
WHERE people.first_assigned_at < @moment AND users.user_id IS NULL
ORDER BY user_id
