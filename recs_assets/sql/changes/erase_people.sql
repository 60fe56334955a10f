-- People leave the lists of a week, staged or served.
DELETE FROM staged
WHERE week = @week AND user_id IN UNNEST(@people)
