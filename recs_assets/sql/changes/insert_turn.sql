-- The turn's one row, before anybody has taken it.
INSERT INTO turn (
  taken_by, taken_at
)
VALUES (
  CAST(@taken_by AS STRING), CAST(@taken_at AS TIMESTAMP)
)
