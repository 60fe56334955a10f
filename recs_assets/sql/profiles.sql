SELECT profile_id, MIN(user_id) AS user_id, MIN(stratum) AS stratum, COUNT(*) AS n_users
FROM user_profiles
GROUP BY profile_id
ORDER BY profile_id
