-- upgrade

CREATE TABLE {schema}.publication_change (
    publication_id INTEGER NOT NULL,
    kind VARCHAR(8) NOT NULL,
    compared_with INTEGER NOT NULL,
    items_before INTEGER NOT NULL,
    items_shown INTEGER NOT NULL,
    items INTEGER NOT NULL,
    CONSTRAINT pk_publication_change PRIMARY KEY (publication_id, kind),
    CONSTRAINT fk_publication_change_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_publication_change_kind CHECK (kind IN ('new', 'gone', 'lost', 'found', 'first', 'details')),
    CONSTRAINT ck_publication_change_counts CHECK (items_before >= 0 AND items_shown >= 0 AND items >= 0)
);

CREATE VIEW {schema}.publication_changes AS
SELECT
    b.id AS publication_id,
    max(d.compared_with) AS compared_with,
    b.published_at,
    b.run_id,
    b.model_version,
    max(d.items_before) AS items_before,
    max(d.items_shown) AS items_shown,
    sum(CASE WHEN (d.kind = 'new') THEN d.items ELSE 0 END) AS items_new,
    sum(CASE WHEN (d.kind = 'gone') THEN d.items ELSE 0 END) AS items_gone,
    sum(CASE WHEN (d.kind = 'lost') THEN d.items ELSE 0 END) AS items_lost,
    sum(CASE WHEN (d.kind = 'found') THEN d.items ELSE 0 END) AS items_found,
    sum(CASE WHEN (d.kind = 'first') THEN d.items ELSE 0 END) AS items_first,
    sum(CASE WHEN (d.kind = 'details') THEN d.items ELSE 0 END) AS items_details,
    CAST(sum(CASE WHEN (d.kind IN ('gone', 'lost')) THEN d.items ELSE 0 END) AS FLOAT) / nullif(max(d.items_before), 0) AS taken_away_share
FROM {schema}.publication AS b
    JOIN {schema}.publication_change AS d ON d.publication_id = b.id
WHERE b.published_at IS NOT NULL GROUP BY b.id,
    b.published_at,
    b.run_id,
    b.model_version;

CREATE VIEW {schema}.publication_item_changes AS
SELECT
    b.id AS publication_id,
    w.id AS compared_with,
    i.item_cd,
    CASE WHEN (was.item_cd IS NULL OR was.shown = false) THEN 'new' WHEN (i.shown = false) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind,
    c0.routing_code AS routing_before,
    c1.routing_code AS routing,
    c0.confidence AS confidence_before,
    c1.confidence
FROM {schema}.publication AS b
    JOIN {schema}.publication_change AS d ON d.publication_id = b.id
    AND d.kind = 'new'
    JOIN {schema}.publication AS w ON w.id = d.compared_with
    AND w.id < b.id
    AND w.purged_at IS NULL
    JOIN {schema}.item_version AS i ON i.from_publication > w.id
    AND i.from_publication <= b.id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER
    JOIN {schema}.item_version AS was ON was.item_cd = i.item_cd
    AND was.from_publication <= w.id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER
    JOIN {schema}.candidate AS c1 ON c1.publication_id = i.from_publication
    AND c1.item_cd = i.item_cd
    AND c1.candidate_rank = 1 LEFT OUTER
    JOIN {schema}.candidate AS c0 ON c0.publication_id = was.from_publication
    AND c0.item_cd = was.item_cd
    AND c0.candidate_rank = 1
WHERE b.published_at IS NOT NULL
    AND b.purged_at IS NULL
    AND (i.shown = true OR was.shown = true)
    AND (was.item_cd IS NULL OR was.shown = false OR i.shown = false OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL);

-- downgrade

DROP VIEW {schema}.publication_item_changes;

DROP VIEW {schema}.publication_changes;

DROP TABLE {schema}.publication_change;
