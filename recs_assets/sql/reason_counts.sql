-- How often each kind of reason is given, in the lists and in the slots that the mail shows of them.
SELECT reason_code, COUNT(*) AS n_listed, COUNT(IF(rank <= @slots, 1, NULL)) AS n_in_slots
FROM staged
WHERE week = @week
GROUP BY reason_code
ORDER BY reason_code
