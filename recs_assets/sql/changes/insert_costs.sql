-- What the jobs and the pod of a step have cost.
INSERT INTO costs (
  experiment, run_id, step, week, kind, name, job_id, bytes_billed, slot_seconds, cpu_seconds, gib_seconds, gpu_seconds, usd,
  noted_at
)
SELECT
  experiment, run_id, step, week, kind, name, job_id, bytes_billed, slot_seconds, cpu_seconds, gib_seconds, gpu_seconds, usd,
  noted_at
FROM incoming
