-- How far are written routings from the nearest proposal, by part type and rank? A replaced operation counts two.
SELECT month, part_type, nearest_rank, items, same_operations, same_machines, mean_edit_distance, operations, machines_changed, times_changed
FROM routing.edits_by_family
ORDER BY month DESC, mean_edit_distance DESC;
