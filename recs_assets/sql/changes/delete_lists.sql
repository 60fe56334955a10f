-- The served lists of a week, before those of another version take their place.
DELETE FROM recommendations
WHERE week = @week
