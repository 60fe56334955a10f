-- What has been spent, by experiment, month, run, step and kind of thing that was paid for.
SELECT
  experiment,
  FORMAT_TIMESTAMP('%Y-%m', noted_at) AS month,
  run_id,
  step,
  kind,
  MIN(noted_at) AS since,
  COUNT(*) AS n_rows,
  CAST(SUM(bytes_billed) AS INT64) AS bytes_billed,
  SUM(slot_seconds) AS slot_seconds,
  SUM(cpu_seconds) AS cpu_seconds,
  SUM(gib_seconds) AS gib_seconds,
  SUM(gpu_seconds) AS gpu_seconds,
  SUM(usd) AS usd
FROM costs
GROUP BY experiment, month, run_id, step, kind
ORDER BY since, run_id, step, kind
