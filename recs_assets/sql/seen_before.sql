-- One row: of how many people, or parts, something shows that they existed before the week's end; how many of these were
-- created at or after it by their created_at, and how many at any moment after they were first seen.
SELECT
  COUNT(first_seen_at) AS n_seen,
  COUNT(IF(first_seen_at IS NOT NULL AND first_created_at >= @as_of, 1, NULL)) AS n_later,
  COUNT(IF(first_created_at > first_seen_at, 1, NULL)) AS n_reset
FROM classified
WHERE fault IS NULL
