SELECT DISTINCT user_profiles.profile_id, owns_edges.vehicle_id
FROM user_profiles
JOIN owns_edges ON owns_edges.user_id = user_profiles.user_id
WHERE owns_edges.added_at IS NULL OR owns_edges.added_at < @as_of
ORDER BY profile_id, vehicle_id
