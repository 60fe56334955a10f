-- People leave the arms of all experiments.
DELETE FROM rollout_assignment
WHERE user_id IN UNNEST(@people)
