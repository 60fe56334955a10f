-- Accounts that stand for many people, by their id or by what they buy: nobody to recommend anything to.
SELECT user_id
FROM user_nodes
WHERE REGEXP_REPLACE(LOWER(user_id), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', '') IN UNNEST(@shared_user_ids)
UNION DISTINCT
SELECT user_id
FROM classified
WHERE fault = 'account shared by many'
ORDER BY user_id
