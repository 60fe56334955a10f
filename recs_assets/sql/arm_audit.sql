-- One row: how many rows of a staged list are of another arm than the person's, or of another origin than the arm's.
SELECT
  COUNT(IF(staged.arm IS DISTINCT FROM arms.arm, 1, NULL)) AS of_another_arm,
  COUNT(IF(arms.arm = 'control' AND staged.source IS DISTINCT FROM 'sql', 1, NULL)) AS control_not_from_sql
FROM staged
LEFT JOIN arms ON arms.user_id = staged.user_id
WHERE staged.week = @week
