-- People of a week's lists, staged or served, who are no users of the source any more.
SELECT DISTINCT staged.user_id
FROM staged
LEFT JOIN users ON users.user_id = staged.user_id
WHERE staged.week = @week AND users.user_id IS NULL
ORDER BY user_id
