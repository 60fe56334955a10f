-- A few people with a list of the week, of each segment in turn: other people each week, and of one week always the same.
WITH
placed AS (
  SELECT
    user_id, segment, arm,
    ROW_NUMBER() OVER (
      PARTITION BY segment ORDER BY TO_HEX(MD5(CONCAT(CAST(week AS STRING), user_id))), user_id
    ) AS place
  FROM recommendations
  WHERE week = @week AND rank = 1
)
SELECT user_id, segment, arm
FROM placed
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (ORDER BY place, segment) <= @length
ORDER BY segment, place
