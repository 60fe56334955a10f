-- How the served lists of some people begin, with what is said of each part.
SELECT people.user_id, recommendations.rank, recommendations.product_id, title, part_type, price, reason_text
FROM people
JOIN recommendations ON recommendations.user_id = people.user_id
LEFT JOIN product_nodes ON product_nodes.product_id = recommendations.product_id
WHERE week = @week AND rank <= @slots
ORDER BY people.user_id, recommendations.rank, recommendations.product_id
