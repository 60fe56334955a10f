-- A run's verdicts on a week by some gates, before they are noted anew.
DELETE FROM verdicts
WHERE gate IN UNNEST(@gate) AND week = @week AND run_id = @run_id
