-- A hold on publishing, or its end.
INSERT INTO holds (
  sequence, action, held_by, reason, held_until, noted_at
)
VALUES (
  CAST(@sequence AS INT64), CAST(@action AS STRING), CAST(@held_by AS STRING), CAST(@reason AS STRING),
  CAST(@held_until AS TIMESTAMP), CAST(@noted_at AS TIMESTAMP)
)
