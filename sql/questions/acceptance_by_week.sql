-- How many of the proposals that were decided on did engineers take over, week by week?
SELECT week, SUM(items_routed) AS items_routed, SUM(taken_over) AS taken_over, SUM(edited) AS edited,
       CAST(SUM(taken_over) AS FLOAT) / NULLIF(SUM(items_routed), 0) AS acceptance_rate
FROM routing.acceptance_by_week
GROUP BY week
ORDER BY week DESC;
