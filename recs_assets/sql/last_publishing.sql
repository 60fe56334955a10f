-- When a run last came as far as publishing, or as a hold on it, for a week or a later one; NULL: none did.
SELECT MAX(judged_at) AS judged_at
FROM verdicts
WHERE gate = 'hold' AND week >= @week
