-- Everybody's arm tonight. Who is not assigned, or stands in two arms, is not treated.
SELECT user_nodes.user_id, IFNULL(assigned.arm, @unassigned) AS arm
FROM user_nodes
LEFT JOIN (
  SELECT user_id, MIN(arm) AS arm
  FROM rollout_assignment
  WHERE experiment = @experiment
  GROUP BY user_id
) AS assigned ON assigned.user_id = user_nodes.user_id
ORDER BY user_nodes.user_id
