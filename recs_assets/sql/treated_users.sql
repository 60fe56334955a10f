-- Who gets the blend at a stage.
SELECT DISTINCT user_id
FROM rollout_assignment
WHERE experiment = @experiment AND arm = 'treated'
