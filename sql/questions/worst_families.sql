-- On which part types was the first candidate seldom what engineers wrote, in the newest month with outcomes?
SELECT f.month, f.part_type, f.items_routed, f.with_proposal, f.taken_over, f.written_themselves, f.themselves_as_first, f.exact_share
FROM routing.families_by_month AS f
WHERE f.month = (SELECT MAX(m.month) FROM routing.families_by_month AS m) AND f.exact_share IS NOT NULL
ORDER BY f.exact_share, f.written_themselves DESC;
