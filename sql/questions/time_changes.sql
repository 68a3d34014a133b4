-- Which jobs take longer or shorter than in the month before, by at least 15 %?
SELECT month, job_cd, res_cd, measure, samples, previous_month, previous_min, standard_min, ratio
FROM routing.time_profile_changes
WHERE ratio >= 1.15 OR ratio <= 1 / 1.15
ORDER BY month DESC, ABS(LOG(ratio)) DESC;
