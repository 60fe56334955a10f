-- The served mail, before that of another version takes its place.
DELETE FROM final_vehicle_recommendations
WHERE TRUE
