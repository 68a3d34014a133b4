-- What did each publication change against the one that readers saw before: how many items are new, gone, or have another first routing?
SELECT published_at, publication_id, compared_with, items_before, items_shown, items_new, items_gone, items_lost, items_found, items_first,
    items_details, taken_away_share
FROM routing.publication_changes
ORDER BY published_at DESC;
