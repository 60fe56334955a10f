-- The newest verdict of each gate on a week; of gate 1 on every week up to it.
SELECT gate, week, decision, reason, figures_json, judged_at
FROM verdicts
WHERE week = @week OR (gate = 'gate_1' AND week < @week)
QUALIFY ROW_NUMBER() OVER (PARTITION BY gate, week ORDER BY judged_at DESC, run_id DESC) = 1
ORDER BY gate, week
