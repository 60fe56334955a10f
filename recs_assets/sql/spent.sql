-- What each step has cost in an experiment, since when, and since a moment in all experiments; the dearest first.
SELECT
  step,
  MIN(IF(experiment = @experiment, noted_at, NULL)) AS since,
  SUM(IF(experiment = @experiment, usd, 0.0)) AS experiment_usd,
  SUM(IF(noted_at >= @month_start, usd, 0.0)) AS month_usd
FROM costs
WHERE experiment = @experiment OR noted_at >= @month_start
GROUP BY step
ORDER BY experiment_usd DESC, step
