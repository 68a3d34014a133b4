-- Every statement sent to SQL Server for our tables. Made by tests/support/warehouse_golden.py.

-- === lock, only on SQL Server

DECLARE @result int; EXEC @result = sp_getapplock @Resource = :resource, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; SELECT @result;

EXEC sp_releaseapplock @Resource = :resource, @LockOwner = 'Session';

-- === load

SELECT routing.schema_version.version_num
FROM routing.schema_version;

SELECT routing.writer_lock.name, routing.writer_lock.owner, routing.writer_lock.what, routing.writer_lock.host, routing.writer_lock.pid, routing.writer_lock.process, routing.writer_lock.acquired_at, routing.writer_lock.heartbeat_at
FROM routing.writer_lock
WHERE routing.writer_lock.name = :name_1;

INSERT INTO routing.writer_lock (name) VALUES (:name);

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner IS NULL;

SELECT routing.publication.company_code, routing.publication.plant_code, routing.batch_run.profile, routing.publication.id, routing.publication.published_at
FROM routing.current_publication JOIN routing.publication ON routing.publication.id = routing.current_publication.publication_id LEFT OUTER JOIN routing.batch_run ON routing.batch_run.run_id = routing.publication.run_id;

SELECT routing.publication.id, routing.publication.state
FROM routing.publication
WHERE routing.publication.state IN (:state_1_1, :state_1_2, :state_1_3) AND routing.publication.purged_at IS NULL ORDER BY routing.publication.id;

SELECT TOP 1 routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, NULL AS slot
FROM routing.publication
WHERE routing.publication.content_hash = :content_hash_1 AND (routing.publication.state IN (:state_1_1, :state_1_2, :state_1_3) AND routing.publication.purged_at IS NULL OR routing.publication.withdrawn_at IS NOT NULL) ORDER BY routing.publication.id DESC;

SELECT routing.current_publication.publication_id
FROM routing.current_publication;

UPDATE routing.writer_lock SET heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = :run_id_1;

SELECT TOP 1 routing.model_metric.value
FROM routing.model_metric
WHERE routing.model_metric.model_version = :model_version_1 AND routing.model_metric.metric = :metric_1 AND routing.model_metric.method = :method_1 AND routing.model_metric.segment = :segment_1 AND routing.model_metric.split IN (:split_1_1, :split_1_2, :split_1_3, :split_1_4, :split_1_5) AND routing.model_metric.value IS NOT NULL ORDER BY coalesce((SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = routing.model_metric.run_id), (SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.began_at <= routing.model_metric.computed_at), 0) DESC, routing.model_metric.computed_at DESC;

INSERT INTO routing.publication (run_id, model_version, state, content_hash, rows_candidate, rows_operation, rows_evidence, rows_resource, rows_abstained, checksums, writer, created_at, word_inhouse, word_outsourced, time_unit, run_time_unit, service_user, company_code, plant_code, valid_from, valid_to, model_quality) OUTPUT inserted.id VALUES (:run_id, :model_version, :state, :content_hash, :rows_candidate, :rows_operation, :rows_evidence, :rows_resource, :rows_abstained, :checksums, :writer, :created_at, :word_inhouse, :word_outsourced, :time_unit, :run_time_unit, :service_user, :company_code, :plant_code, :valid_from, :valid_to, :model_quality);

SELECT version.item_cd, version.hash_a, version.hash_b
FROM routing.item_version AS version
WHERE version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND version.shown = 1;

SELECT version.job_cd, version.hash_a, version.hash_b
FROM routing.job_version AS version
WHERE version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND version.shown = 1;

UPDATE routing.publication SET state=:state, writer=:writer, loaded_at=:loaded_at, items_changed=:items_changed, rows_written=:rows_written WHERE routing.publication.id = :id_1;

INSERT INTO routing.publication_event (publication_id, event, happened_at, done_by, message) VALUES (:publication_id, :event, :happened_at, :done_by, :message);

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

INSERT INTO routing.candidate (publication_id, item_cd, candidate_rank, candidate_id, routing_signature, routing_code, similarity_score, confidence, priority, similarity_tier, reference_item_cd, rout_no, predicted_rout_no, routing_source, process_count, work_order_count, work_order_confidence, neighbour_count, support, matched_attributes, item_hash, replaced_operations) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

INSERT INTO routing.candidate_operation (publication_id, item_cd, candidate_rank, proc_seq, inside, job_cd, job_nm, res_cd, res_nm, rout_order, setup_time, run_time, setup_p10, setup_p90, run_p10, run_p50, run_p90, optimal_time, standard_time, safe_time, time_cv, act_setup_time, act_run_time, queue_time, wait_time, move_time, mfg_lt, batch_oper, bp_cd, cust_nm, cur_cd, subcontract_prc, tax_type, insp_flg, milestone_flg, confidence, support, sample_count, time_source, time_confidence, source_items, source_similarity, source_rout_no, lot_size, lot_exponent, replaced_job) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

INSERT INTO routing.candidate_evidence (publication_id, item_cd, candidate_rank, evidence_rank, neighbour_item_cd, neighbour_rout_no, similarity, weight, matching, differing) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

INSERT INTO routing.resource_alternative (publication_id, job_cd, res_cd, res_nm, alternative_rank, is_pool, use_count, use_share, last_used) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s);

INSERT INTO routing.abstained_item (publication_id, item_cd, reason_code, reason, best_similarity) VALUES (%s, %s, %s, %s, %s);

INSERT INTO routing.item_version (item_cd, from_publication, shown, hash_a, hash_b) VALUES (%s, %s, %s, %s, %s);

INSERT INTO routing.job_version (job_cd, from_publication, shown, hash_a, hash_b) VALUES (%s, %s, %s, %s, %s);

-- === publish: the pointer

SELECT routing.schema_version.version_num
FROM routing.schema_version;

SELECT routing.writer_lock.name, routing.writer_lock.owner, routing.writer_lock.what, routing.writer_lock.host, routing.writer_lock.pid, routing.writer_lock.process, routing.writer_lock.acquired_at, routing.writer_lock.heartbeat_at
FROM routing.writer_lock
WHERE routing.writer_lock.name = :name_1;

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner IS NULL;

SELECT routing.publication.company_code, routing.publication.plant_code, routing.batch_run.profile, routing.publication.id, routing.publication.published_at
FROM routing.current_publication JOIN routing.publication ON routing.publication.id = routing.current_publication.publication_id LEFT OUTER JOIN routing.batch_run ON routing.batch_run.run_id = routing.publication.run_id;

SELECT routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, routing.current_publication.slot
FROM routing.publication LEFT OUTER JOIN routing.current_publication ON routing.current_publication.publication_id = routing.publication.id ORDER BY routing.publication.id DESC;

UPDATE routing.writer_lock SET heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = :run_id_1;

INSERT INTO routing.publication_event (publication_id, event, happened_at, done_by, message) VALUES (:publication_id, :event, :happened_at, :done_by, :message);

UPDATE routing.publication SET state=:state, published_at=:published_at, published_by=:published_by, retired_at=:retired_at, withdrawn_at=:withdrawn_at WHERE routing.publication.id = :id_1;

INSERT INTO routing.current_publication (slot, publication_id, moved_at, moved_by) VALUES (:slot, :publication_id, :moved_at, :moved_by);

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

SELECT routing.publication.id, routing.publication.state
FROM routing.publication
WHERE routing.publication.state IN (:state_1_1, :state_1_2, :state_1_3) AND routing.publication.purged_at IS NULL ORDER BY routing.publication.id;

SELECT TOP 1 routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, NULL AS slot
FROM routing.publication
WHERE routing.publication.content_hash = :content_hash_1 AND (routing.publication.state IN (:state_1_1, :state_1_2, :state_1_3) AND routing.publication.purged_at IS NULL OR routing.publication.withdrawn_at IS NOT NULL) ORDER BY routing.publication.id DESC;

SELECT routing.current_publication.publication_id
FROM routing.current_publication;

SELECT TOP 1 routing.model_metric.value
FROM routing.model_metric
WHERE routing.model_metric.model_version = :model_version_1 AND routing.model_metric.metric = :metric_1 AND routing.model_metric.method = :method_1 AND routing.model_metric.segment = :segment_1 AND routing.model_metric.split IN (:split_1_1, :split_1_2, :split_1_3, :split_1_4, :split_1_5) AND routing.model_metric.value IS NOT NULL ORDER BY coalesce((SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = routing.model_metric.run_id), (SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.began_at <= routing.model_metric.computed_at), 0) DESC, routing.model_metric.computed_at DESC;

INSERT INTO routing.publication (run_id, model_version, state, content_hash, rows_candidate, rows_operation, rows_evidence, rows_resource, rows_abstained, checksums, writer, created_at, word_inhouse, word_outsourced, time_unit, run_time_unit, service_user, company_code, plant_code, valid_from, valid_to, model_quality) OUTPUT inserted.id VALUES (:run_id, :model_version, :state, :content_hash, :rows_candidate, :rows_operation, :rows_evidence, :rows_resource, :rows_abstained, :checksums, :writer, :created_at, :word_inhouse, :word_outsourced, :time_unit, :run_time_unit, :service_user, :company_code, :plant_code, :valid_from, :valid_to, :model_quality);

SELECT version.item_cd, version.hash_a, version.hash_b
FROM routing.item_version AS version
WHERE version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND version.shown = 1;

SELECT version.job_cd, version.hash_a, version.hash_b
FROM routing.job_version AS version
WHERE version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND version.shown = 1;

INSERT INTO routing.item_version (item_cd, from_publication, shown) SELECT version.item_cd, :param_1 AS anon_1, 0 AS anon_2
FROM routing.item_version AS version
WHERE version.item_cd IN (:item_cd_1_1) AND version.from_publication < :from_publication_1 AND version.shown = 1 AND version.from_publication <= :from_publication_2 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_3));

INSERT INTO routing.job_version (job_cd, from_publication, shown) SELECT version.job_cd, :param_1 AS anon_1, 0 AS anon_2
FROM routing.job_version AS version
WHERE version.job_cd IN (:job_cd_1_1) AND version.from_publication < :from_publication_1 AND version.shown = 1 AND version.from_publication <= :from_publication_2 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_3));

UPDATE routing.publication SET state=:state, writer=:writer, loaded_at=:loaded_at, items_changed=:items_changed, rows_written=:rows_written WHERE routing.publication.id = :id_1;

UPDATE routing.publication SET state=:state, retired_at=:retired_at WHERE routing.publication.id = :id_1;

UPDATE routing.current_publication SET publication_id=:publication_id, moved_at=:moved_at, moved_by=:moved_by OUTPUT inserted.slot WHERE routing.current_publication.slot = :slot_1 AND routing.current_publication.publication_id = :publication_id_1;

-- === roll back

SELECT routing.schema_version.version_num
FROM routing.schema_version;

SELECT routing.writer_lock.name, routing.writer_lock.owner, routing.writer_lock.what, routing.writer_lock.host, routing.writer_lock.pid, routing.writer_lock.process, routing.writer_lock.acquired_at, routing.writer_lock.heartbeat_at
FROM routing.writer_lock
WHERE routing.writer_lock.name = :name_1;

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner IS NULL;

SELECT routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, routing.current_publication.slot
FROM routing.publication LEFT OUTER JOIN routing.current_publication ON routing.current_publication.publication_id = routing.publication.id ORDER BY routing.publication.id DESC;

SELECT routing.current_publication.publication_id
FROM routing.current_publication;

SELECT routing.publication_event.event, routing.publication_event.publication_id
FROM routing.publication_event
WHERE routing.publication_event.event IN (:event_1_1, :event_1_2) ORDER BY routing.publication_event.id;

UPDATE routing.writer_lock SET heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

INSERT INTO routing.publication_event (publication_id, event, happened_at, done_by, message) VALUES (:publication_id, :event, :happened_at, :done_by, :message);

UPDATE routing.publication SET state=:state, retired_at=:retired_at WHERE routing.publication.id = :id_1;

UPDATE routing.publication SET withdrawn_at=:withdrawn_at WHERE routing.publication.id = :id_1;

UPDATE routing.publication SET state=:state, published_at=:published_at, published_by=:published_by, retired_at=:retired_at, withdrawn_at=:withdrawn_at WHERE routing.publication.id = :id_1;

UPDATE routing.current_publication SET publication_id=:publication_id, moved_at=:moved_at, moved_by=:moved_by OUTPUT inserted.slot WHERE routing.current_publication.slot = :slot_1 AND routing.current_publication.publication_id = :publication_id_1;

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

-- === publish: the fixed table

SELECT routing.schema_version.version_num
FROM routing.schema_version;

SELECT routing.writer_lock.name, routing.writer_lock.owner, routing.writer_lock.what, routing.writer_lock.host, routing.writer_lock.pid, routing.writer_lock.process, routing.writer_lock.acquired_at, routing.writer_lock.heartbeat_at
FROM routing.writer_lock
WHERE routing.writer_lock.name = :name_1;

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner IS NULL;

SELECT routing.publication.company_code, routing.publication.plant_code, routing.batch_run.profile, routing.publication.id, routing.publication.published_at
FROM routing.current_publication JOIN routing.publication ON routing.publication.id = routing.current_publication.publication_id LEFT OUTER JOIN routing.batch_run ON routing.batch_run.run_id = routing.publication.run_id;

SELECT routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, routing.current_publication.slot
FROM routing.publication LEFT OUTER JOIN routing.current_publication ON routing.current_publication.publication_id = routing.publication.id ORDER BY routing.publication.id DESC;

SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = :run_id_1;

UPDATE routing.writer_lock SET heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

DELETE FROM routing.routing_flat_table WHERE NOT (EXISTS (SELECT 1
FROM routing.routing_flat AS f
WHERE routing.routing_flat_table.[ITEM_CD] = f.[ITEM_CD] AND routing.routing_flat_table.[CANDIDATE_ID] = f.[CANDIDATE_ID] AND routing.routing_flat_table.[PROC_SEQ] = f.[PROC_SEQ]));

UPDATE routing.routing_flat_table SET [ROUTING_SIGNATURE]=f.[ROUTING_SIGNATURE], [PRIORITY]=f.[PRIORITY], [SIMILARITY_TIER]=f.[SIMILARITY_TIER], [INSIDE_FLAG]=f.[INSIDE_FLAG], [dbo_BI_ROUTING_VIEW_JOB_CD]=f.[dbo_BI_ROUTING_VIEW_JOB_CD], [JOB_NM]=f.[JOB_NM], [RES_CD]=f.[RES_CD], [RES_DIS]=f.[RES_DIS], [TIME_UNIT]=f.[TIME_UNIT], [MFG_LT]=f.[MFG_LT], [QUEUE_TIME]=f.[QUEUE_TIME], [SETUP_TIME]=f.[SETUP_TIME], [MACH_WORKED_HOURS]=f.[MACH_WORKED_HOURS], [ACT_SETUP_TIME]=f.[ACT_SETUP_TIME], [ACT_RUN_TIME]=f.[ACT_RUN_TIME], [WAIT_TIME]=f.[WAIT_TIME], [MOVE_TIME]=f.[MOVE_TIME], [RUN_TIME_QTY]=f.[RUN_TIME_QTY], [RUN_TIME_UNIT]=f.[RUN_TIME_UNIT], [BATCH_OPER]=f.[BATCH_OPER], [BP_CD]=f.[BP_CD], [dbo_BI_ROUTING_VIEW_CUST_NM]=f.[dbo_BI_ROUTING_VIEW_CUST_NM], [CUR_CD]=f.[CUR_CD], [SUBCONTRACT_PRC]=f.[SUBCONTRACT_PRC], [TAX_TYPE]=f.[TAX_TYPE], [MILESTONE_FLG]=f.[MILESTONE_FLG], [INSP_FLG]=f.[INSP_FLG], [ROUT_ORDER]=f.[ROUT_ORDER], [VALID_FROM_DT]=f.[VALID_FROM_DT], [VALID_TO_DT]=f.[VALID_TO_DT], [dbo_BI_ROUTING_VIEW_REMARK]=f.[dbo_BI_ROUTING_VIEW_REMARK], [ROUT_DOC]=f.[ROUT_DOC], [DOC_INSIDE]=f.[DOC_INSIDE], [DOC_NO]=f.[DOC_NO], [NC_PROGRAM]=f.[NC_PROGRAM], [NC_PROGRAM_WRITER]=f.[NC_PROGRAM_WRITER], [NC_WRITER_NM]=f.[NC_WRITER_NM], [NC_WRITE_DATE]=f.[NC_WRITE_DATE], [NC_REVIEWER]=f.[NC_REVIEWER], [NC_REVIEWER_NM]=f.[NC_REVIEWER_NM], [NC_REVIEW_DT]=f.[NC_REVIEW_DT], [RAW_MATL_SIZE]=f.[RAW_MATL_SIZE], [JAW_SIZE]=f.[JAW_SIZE], [VALIDITY]=f.[VALIDITY], [PROGRAM_REMARK]=f.[PROGRAM_REMARK], [OP_DRAW_NO]=f.[OP_DRAW_NO], [MTMG_NUMB]=f.[MTMG_NUMB], [REFERENCE_ITEM_CD]=f.[REFERENCE_ITEM_CD], [SIMILARITY_SCORE]=f.[SIMILARITY_SCORE], [RUN_TIME]=f.[RUN_TIME], [OPTIMAL_TIME]=f.[OPTIMAL_TIME], [STANDARD_TIME]=f.[STANDARD_TIME], [SAFE_TIME]=f.[SAFE_TIME], [TIME_SOURCE]=f.[TIME_SOURCE], [CONFIDENCE]=f.[CONFIDENCE], [CANDIDATE_RANK]=f.[CANDIDATE_RANK], [ROUT_NO]=f.[ROUT_NO], [MODEL_VERSION]=f.[MODEL_VERSION], [PUBLICATION_ID]=f.[PUBLICATION_ID] FROM routing.routing_flat_table, routing.routing_flat AS f WHERE routing.routing_flat_table.[ITEM_CD] = f.[ITEM_CD] AND routing.routing_flat_table.[CANDIDATE_ID] = f.[CANDIDATE_ID] AND routing.routing_flat_table.[PROC_SEQ] = f.[PROC_SEQ] AND (NOT EXISTS (SELECT routing.routing_flat_table.[ROUTING_SIGNATURE] INTERSECT SELECT f.[ROUTING_SIGNATURE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[PRIORITY] INTERSECT SELECT f.[PRIORITY]) OR NOT EXISTS (SELECT routing.routing_flat_table.[SIMILARITY_TIER] INTERSECT SELECT f.[SIMILARITY_TIER]) OR NOT EXISTS (SELECT routing.routing_flat_table.[INSIDE_FLAG] INTERSECT SELECT f.[INSIDE_FLAG]) OR NOT EXISTS (SELECT routing.routing_flat_table.[dbo_BI_ROUTING_VIEW_JOB_CD] INTERSECT SELECT f.[dbo_BI_ROUTING_VIEW_JOB_CD]) OR NOT EXISTS (SELECT routing.routing_flat_table.[JOB_NM] INTERSECT SELECT f.[JOB_NM]) OR NOT EXISTS (SELECT routing.routing_flat_table.[RES_CD] INTERSECT SELECT f.[RES_CD]) OR NOT EXISTS (SELECT routing.routing_flat_table.[RES_DIS] INTERSECT SELECT f.[RES_DIS]) OR NOT EXISTS (SELECT routing.routing_flat_table.[TIME_UNIT] INTERSECT SELECT f.[TIME_UNIT]) OR NOT EXISTS (SELECT routing.routing_flat_table.[MFG_LT] INTERSECT SELECT f.[MFG_LT]) OR NOT EXISTS (SELECT routing.routing_flat_table.[QUEUE_TIME] INTERSECT SELECT f.[QUEUE_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[SETUP_TIME] INTERSECT SELECT f.[SETUP_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[MACH_WORKED_HOURS] INTERSECT SELECT f.[MACH_WORKED_HOURS]) OR NOT EXISTS (SELECT routing.routing_flat_table.[ACT_SETUP_TIME] INTERSECT SELECT f.[ACT_SETUP_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[ACT_RUN_TIME] INTERSECT SELECT f.[ACT_RUN_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[WAIT_TIME] INTERSECT SELECT f.[WAIT_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[MOVE_TIME] INTERSECT SELECT f.[MOVE_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[RUN_TIME_QTY] INTERSECT SELECT f.[RUN_TIME_QTY]) OR NOT EXISTS (SELECT routing.routing_flat_table.[RUN_TIME_UNIT] INTERSECT SELECT f.[RUN_TIME_UNIT]) OR NOT EXISTS (SELECT routing.routing_flat_table.[BATCH_OPER] INTERSECT SELECT f.[BATCH_OPER]) OR NOT EXISTS (SELECT routing.routing_flat_table.[BP_CD] INTERSECT SELECT f.[BP_CD]) OR NOT EXISTS (SELECT routing.routing_flat_table.[dbo_BI_ROUTING_VIEW_CUST_NM] INTERSECT SELECT f.[dbo_BI_ROUTING_VIEW_CUST_NM]) OR NOT EXISTS (SELECT routing.routing_flat_table.[CUR_CD] INTERSECT SELECT f.[CUR_CD]) OR NOT EXISTS (SELECT routing.routing_flat_table.[SUBCONTRACT_PRC] INTERSECT SELECT f.[SUBCONTRACT_PRC]) OR NOT EXISTS (SELECT routing.routing_flat_table.[TAX_TYPE] INTERSECT SELECT f.[TAX_TYPE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[MILESTONE_FLG] INTERSECT SELECT f.[MILESTONE_FLG]) OR NOT EXISTS (SELECT routing.routing_flat_table.[INSP_FLG] INTERSECT SELECT f.[INSP_FLG]) OR NOT EXISTS (SELECT routing.routing_flat_table.[ROUT_ORDER] INTERSECT SELECT f.[ROUT_ORDER]) OR NOT EXISTS (SELECT routing.routing_flat_table.[VALID_TO_DT] INTERSECT SELECT f.[VALID_TO_DT]) OR NOT EXISTS (SELECT routing.routing_flat_table.[dbo_BI_ROUTING_VIEW_REMARK] INTERSECT SELECT f.[dbo_BI_ROUTING_VIEW_REMARK]) OR NOT EXISTS (SELECT routing.routing_flat_table.[ROUT_DOC] INTERSECT SELECT f.[ROUT_DOC]) OR NOT EXISTS (SELECT routing.routing_flat_table.[DOC_INSIDE] INTERSECT SELECT f.[DOC_INSIDE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[DOC_NO] INTERSECT SELECT f.[DOC_NO]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_PROGRAM] INTERSECT SELECT f.[NC_PROGRAM]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_PROGRAM_WRITER] INTERSECT SELECT f.[NC_PROGRAM_WRITER]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_WRITER_NM] INTERSECT SELECT f.[NC_WRITER_NM]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_WRITE_DATE] INTERSECT SELECT f.[NC_WRITE_DATE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_REVIEWER] INTERSECT SELECT f.[NC_REVIEWER]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_REVIEWER_NM] INTERSECT SELECT f.[NC_REVIEWER_NM]) OR NOT EXISTS (SELECT routing.routing_flat_table.[NC_REVIEW_DT] INTERSECT SELECT f.[NC_REVIEW_DT]) OR NOT EXISTS (SELECT routing.routing_flat_table.[RAW_MATL_SIZE] INTERSECT SELECT f.[RAW_MATL_SIZE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[JAW_SIZE] INTERSECT SELECT f.[JAW_SIZE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[VALIDITY] INTERSECT SELECT f.[VALIDITY]) OR NOT EXISTS (SELECT routing.routing_flat_table.[PROGRAM_REMARK] INTERSECT SELECT f.[PROGRAM_REMARK]) OR NOT EXISTS (SELECT routing.routing_flat_table.[OP_DRAW_NO] INTERSECT SELECT f.[OP_DRAW_NO]) OR NOT EXISTS (SELECT routing.routing_flat_table.[MTMG_NUMB] INTERSECT SELECT f.[MTMG_NUMB]) OR NOT EXISTS (SELECT routing.routing_flat_table.[REFERENCE_ITEM_CD] INTERSECT SELECT f.[REFERENCE_ITEM_CD]) OR NOT EXISTS (SELECT routing.routing_flat_table.[SIMILARITY_SCORE] INTERSECT SELECT f.[SIMILARITY_SCORE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[RUN_TIME] INTERSECT SELECT f.[RUN_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[OPTIMAL_TIME] INTERSECT SELECT f.[OPTIMAL_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[STANDARD_TIME] INTERSECT SELECT f.[STANDARD_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[SAFE_TIME] INTERSECT SELECT f.[SAFE_TIME]) OR NOT EXISTS (SELECT routing.routing_flat_table.[TIME_SOURCE] INTERSECT SELECT f.[TIME_SOURCE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[CONFIDENCE] INTERSECT SELECT f.[CONFIDENCE]) OR NOT EXISTS (SELECT routing.routing_flat_table.[CANDIDATE_RANK] INTERSECT SELECT f.[CANDIDATE_RANK]) OR NOT EXISTS (SELECT routing.routing_flat_table.[ROUT_NO] INTERSECT SELECT f.[ROUT_NO]));

INSERT INTO routing.routing_flat_table ([ITEM_CD], [CANDIDATE_ID], [ROUTING_SIGNATURE], [PRIORITY], [SIMILARITY_TIER], [PROC_SEQ], [INSIDE_FLAG], [dbo_BI_ROUTING_VIEW_JOB_CD], [JOB_NM], [RES_CD], [RES_DIS], [TIME_UNIT], [MFG_LT], [QUEUE_TIME], [SETUP_TIME], [MACH_WORKED_HOURS], [ACT_SETUP_TIME], [ACT_RUN_TIME], [WAIT_TIME], [MOVE_TIME], [RUN_TIME_QTY], [RUN_TIME_UNIT], [BATCH_OPER], [BP_CD], [dbo_BI_ROUTING_VIEW_CUST_NM], [CUR_CD], [SUBCONTRACT_PRC], [TAX_TYPE], [MILESTONE_FLG], [INSP_FLG], [ROUT_ORDER], [VALID_FROM_DT], [VALID_TO_DT], [dbo_BI_ROUTING_VIEW_REMARK], [ROUT_DOC], [DOC_INSIDE], [DOC_NO], [NC_PROGRAM], [NC_PROGRAM_WRITER], [NC_WRITER_NM], [NC_WRITE_DATE], [NC_REVIEWER], [NC_REVIEWER_NM], [NC_REVIEW_DT], [RAW_MATL_SIZE], [JAW_SIZE], [VALIDITY], [PROGRAM_REMARK], [OP_DRAW_NO], [MTMG_NUMB], [REFERENCE_ITEM_CD], [SIMILARITY_SCORE], [RUN_TIME], [OPTIMAL_TIME], [STANDARD_TIME], [SAFE_TIME], [TIME_SOURCE], [CONFIDENCE], [CANDIDATE_RANK], [ROUT_NO], [MODEL_VERSION], [PUBLICATION_ID]) SELECT f.[ITEM_CD], f.[CANDIDATE_ID], f.[ROUTING_SIGNATURE], f.[PRIORITY], f.[SIMILARITY_TIER], f.[PROC_SEQ], f.[INSIDE_FLAG], f.[dbo_BI_ROUTING_VIEW_JOB_CD], f.[JOB_NM], f.[RES_CD], f.[RES_DIS], f.[TIME_UNIT], f.[MFG_LT], f.[QUEUE_TIME], f.[SETUP_TIME], f.[MACH_WORKED_HOURS], f.[ACT_SETUP_TIME], f.[ACT_RUN_TIME], f.[WAIT_TIME], f.[MOVE_TIME], f.[RUN_TIME_QTY], f.[RUN_TIME_UNIT], f.[BATCH_OPER], f.[BP_CD], f.[dbo_BI_ROUTING_VIEW_CUST_NM], f.[CUR_CD], f.[SUBCONTRACT_PRC], f.[TAX_TYPE], f.[MILESTONE_FLG], f.[INSP_FLG], f.[ROUT_ORDER], f.[VALID_FROM_DT], f.[VALID_TO_DT], f.[dbo_BI_ROUTING_VIEW_REMARK], f.[ROUT_DOC], f.[DOC_INSIDE], f.[DOC_NO], f.[NC_PROGRAM], f.[NC_PROGRAM_WRITER], f.[NC_WRITER_NM], f.[NC_WRITE_DATE], f.[NC_REVIEWER], f.[NC_REVIEWER_NM], f.[NC_REVIEW_DT], f.[RAW_MATL_SIZE], f.[JAW_SIZE], f.[VALIDITY], f.[PROGRAM_REMARK], f.[OP_DRAW_NO], f.[MTMG_NUMB], f.[REFERENCE_ITEM_CD], f.[SIMILARITY_SCORE], f.[RUN_TIME], f.[OPTIMAL_TIME], f.[STANDARD_TIME], f.[SAFE_TIME], f.[TIME_SOURCE], f.[CONFIDENCE], f.[CANDIDATE_RANK], f.[ROUT_NO], f.[MODEL_VERSION], f.[PUBLICATION_ID]
FROM routing.routing_flat AS f
WHERE NOT (EXISTS (SELECT 1
FROM routing.routing_flat_table
WHERE routing.routing_flat_table.[ITEM_CD] = f.[ITEM_CD] AND routing.routing_flat_table.[CANDIDATE_ID] = f.[CANDIDATE_ID] AND routing.routing_flat_table.[PROC_SEQ] = f.[PROC_SEQ]));

SELECT count(*) AS count_1
FROM routing.routing_flat_table;

SELECT count(*) AS count_1
FROM routing.routing_flat;

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

-- === purge

SELECT routing.schema_version.version_num
FROM routing.schema_version;

SELECT routing.writer_lock.name, routing.writer_lock.owner, routing.writer_lock.what, routing.writer_lock.host, routing.writer_lock.pid, routing.writer_lock.process, routing.writer_lock.acquired_at, routing.writer_lock.heartbeat_at
FROM routing.writer_lock
WHERE routing.writer_lock.name = :name_1;

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner IS NULL;

SELECT routing.publication.company_code, routing.publication.plant_code, routing.batch_run.profile, routing.publication.id, routing.publication.published_at
FROM routing.current_publication JOIN routing.publication ON routing.publication.id = routing.current_publication.publication_id LEFT OUTER JOIN routing.batch_run ON routing.batch_run.run_id = routing.publication.run_id;

SELECT routing.publication.id, routing.publication.state
FROM routing.publication
WHERE routing.publication.state IN (:state_1_1, :state_1_2, :state_1_3) AND routing.publication.purged_at IS NULL ORDER BY routing.publication.id;

SELECT TOP 1 routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, NULL AS slot
FROM routing.publication
WHERE routing.publication.content_hash = :content_hash_1 AND (routing.publication.state IN (:state_1_1, :state_1_2, :state_1_3) AND routing.publication.purged_at IS NULL OR routing.publication.withdrawn_at IS NOT NULL) ORDER BY routing.publication.id DESC;

SELECT routing.current_publication.publication_id
FROM routing.current_publication;

UPDATE routing.writer_lock SET heartbeat_at=:heartbeat_at OUTPUT inserted.name WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = :run_id_1;

SELECT TOP 1 routing.model_metric.value
FROM routing.model_metric
WHERE routing.model_metric.model_version = :model_version_1 AND routing.model_metric.metric = :metric_1 AND routing.model_metric.method = :method_1 AND routing.model_metric.segment = :segment_1 AND routing.model_metric.split IN (:split_1_1, :split_1_2, :split_1_3, :split_1_4, :split_1_5) AND routing.model_metric.value IS NOT NULL ORDER BY coalesce((SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = routing.model_metric.run_id), (SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.began_at <= routing.model_metric.computed_at), 0) DESC, routing.model_metric.computed_at DESC;

INSERT INTO routing.publication (run_id, model_version, state, content_hash, rows_candidate, rows_operation, rows_evidence, rows_resource, rows_abstained, checksums, writer, created_at, word_inhouse, word_outsourced, time_unit, run_time_unit, service_user, company_code, plant_code, valid_from, valid_to, model_quality) OUTPUT inserted.id VALUES (:run_id, :model_version, :state, :content_hash, :rows_candidate, :rows_operation, :rows_evidence, :rows_resource, :rows_abstained, :checksums, :writer, :created_at, :word_inhouse, :word_outsourced, :time_unit, :run_time_unit, :service_user, :company_code, :plant_code, :valid_from, :valid_to, :model_quality);

SELECT version.item_cd, version.hash_a, version.hash_b
FROM routing.item_version AS version
WHERE version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND version.shown = 1;

SELECT version.job_cd, version.hash_a, version.hash_b
FROM routing.job_version AS version
WHERE version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND version.shown = 1;

INSERT INTO routing.item_version (item_cd, from_publication, shown) SELECT version.item_cd, :param_1 AS anon_1, 0 AS anon_2
FROM routing.item_version AS version
WHERE version.item_cd IN (:item_cd_1_1) AND version.from_publication < :from_publication_1 AND version.shown = 1 AND version.from_publication <= :from_publication_2 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_3));

INSERT INTO routing.job_version (job_cd, from_publication, shown) SELECT version.job_cd, :param_1 AS anon_1, 0 AS anon_2
FROM routing.job_version AS version
WHERE version.job_cd IN (:job_cd_1_1) AND version.from_publication < :from_publication_1 AND version.shown = 1 AND version.from_publication <= :from_publication_2 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_3));

UPDATE routing.publication SET state=:state, writer=:writer, loaded_at=:loaded_at, items_changed=:items_changed, rows_written=:rows_written WHERE routing.publication.id = :id_1;

INSERT INTO routing.publication_event (publication_id, event, happened_at, done_by, message) VALUES (:publication_id, :event, :happened_at, :done_by, :message);

UPDATE routing.writer_lock SET owner=:owner, what=:what, host=:host, pid=:pid, process=:process, acquired_at=:acquired_at, heartbeat_at=:heartbeat_at WHERE routing.writer_lock.name = :name_1 AND routing.writer_lock.owner = :owner_1;

SELECT routing.publication.id, routing.publication.run_id, routing.publication.model_version, routing.publication.state, routing.publication.content_hash, routing.publication.rows_candidate, routing.publication.rows_operation, routing.publication.rows_evidence, routing.publication.rows_resource, routing.publication.rows_abstained, routing.publication.checksums, routing.publication.writer, routing.publication.created_at, routing.publication.loaded_at, routing.publication.published_at, routing.publication.published_by, routing.publication.retired_at, routing.publication.purged_at, routing.publication.message, routing.publication.word_inhouse, routing.publication.word_outsourced, routing.publication.time_unit, routing.publication.run_time_unit, routing.publication.service_user, routing.publication.company_code, routing.publication.plant_code, routing.publication.valid_from, routing.publication.valid_to, routing.publication.writer_reason, routing.publication.items_changed, routing.publication.rows_written, routing.publication.withdrawn_at, routing.publication.model_quality, routing.current_publication.slot
FROM routing.publication LEFT OUTER JOIN routing.current_publication ON routing.current_publication.publication_id = routing.publication.id ORDER BY routing.publication.id DESC;

UPDATE routing.publication SET state=:state, retired_at=:retired_at WHERE routing.publication.id = :id_1;

UPDATE routing.publication SET state=:state, published_at=:published_at, published_by=:published_by, retired_at=:retired_at, withdrawn_at=:withdrawn_at WHERE routing.publication.id = :id_1;

UPDATE routing.current_publication SET publication_id=:publication_id, moved_at=:moved_at, moved_by=:moved_by OUTPUT inserted.slot WHERE routing.current_publication.slot = :slot_1 AND routing.current_publication.publication_id = :publication_id_1;

UPDATE routing.publication SET state=:state WHERE routing.publication.id = :id_1;

SELECT routing.publication.id, routing.publication.state
FROM routing.publication
WHERE routing.publication.state IN (:state_1_1) AND routing.publication.purged_at IS NULL ORDER BY routing.publication.id;

SELECT DISTINCT routing.item_version.from_publication
FROM routing.item_version
WHERE routing.item_version.from_publication > :from_publication_1 ORDER BY routing.item_version.from_publication DESC;

SELECT TOP 10000 version.item_cd AS code, version.from_publication
FROM routing.item_version AS version
WHERE version.from_publication > :from_publication_1 AND version.from_publication < :from_publication_2 AND (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_3)) ORDER BY version.from_publication, version.item_cd;

DELETE TOP (4000) FROM routing.abstained_item WHERE routing.abstained_item.publication_id = :publication_id_1 AND routing.abstained_item.item_cd IN (:item_cd_1_1);

SELECT TOP 1 1
FROM routing.abstained_item
WHERE routing.abstained_item.publication_id = :publication_id_1 AND routing.abstained_item.item_cd IN (:item_cd_1_1);

DELETE TOP (4000) FROM routing.candidate_evidence WHERE routing.candidate_evidence.publication_id = :publication_id_1 AND routing.candidate_evidence.item_cd IN (:item_cd_1_1);

SELECT TOP 1 1
FROM routing.candidate_evidence
WHERE routing.candidate_evidence.publication_id = :publication_id_1 AND routing.candidate_evidence.item_cd IN (:item_cd_1_1);

DELETE TOP (4000) FROM routing.candidate_operation WHERE routing.candidate_operation.publication_id = :publication_id_1 AND routing.candidate_operation.item_cd IN (:item_cd_1_1);

SELECT TOP 1 1
FROM routing.candidate_operation
WHERE routing.candidate_operation.publication_id = :publication_id_1 AND routing.candidate_operation.item_cd IN (:item_cd_1_1);

DELETE TOP (4000) FROM routing.candidate WHERE routing.candidate.publication_id = :publication_id_1 AND routing.candidate.item_cd IN (:item_cd_1_1);

SELECT TOP 1 1
FROM routing.candidate
WHERE routing.candidate.publication_id = :publication_id_1 AND routing.candidate.item_cd IN (:item_cd_1_1);

DELETE TOP (4000) FROM routing.item_version WHERE routing.item_version.from_publication = :from_publication_1 AND routing.item_version.item_cd IN (:item_cd_1_1);

SELECT TOP 1 1
FROM routing.item_version
WHERE routing.item_version.from_publication = :from_publication_1 AND routing.item_version.item_cd IN (:item_cd_1_1);

SELECT TOP 10000 version.item_cd AS code, version.from_publication
FROM routing.item_version AS version
WHERE version.shown = 0 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS before
WHERE before.item_cd = version.item_cd AND before.from_publication < version.from_publication)) ORDER BY version.from_publication, version.item_cd;

SELECT DISTINCT routing.job_version.from_publication
FROM routing.job_version
WHERE routing.job_version.from_publication > :from_publication_1 ORDER BY routing.job_version.from_publication DESC;

SELECT TOP 10000 version.job_cd AS code, version.from_publication
FROM routing.job_version AS version
WHERE version.from_publication > :from_publication_1 AND version.from_publication < :from_publication_2 AND (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_3)) ORDER BY version.from_publication, version.job_cd;

DELETE TOP (4000) FROM routing.resource_alternative WHERE routing.resource_alternative.publication_id = :publication_id_1 AND routing.resource_alternative.job_cd IN (:job_cd_1_1);

SELECT TOP 1 1
FROM routing.resource_alternative
WHERE routing.resource_alternative.publication_id = :publication_id_1 AND routing.resource_alternative.job_cd IN (:job_cd_1_1);

DELETE TOP (4000) FROM routing.job_version WHERE routing.job_version.from_publication = :from_publication_1 AND routing.job_version.job_cd IN (:job_cd_1_1);

SELECT TOP 1 1
FROM routing.job_version
WHERE routing.job_version.from_publication = :from_publication_1 AND routing.job_version.job_cd IN (:job_cd_1_1);

SELECT TOP 10000 version.job_cd AS code, version.from_publication
FROM routing.job_version AS version
WHERE version.shown = 0 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS before
WHERE before.job_cd = version.job_cd AND before.from_publication < version.from_publication)) ORDER BY version.from_publication, version.job_cd;

UPDATE routing.publication SET purged_at=:purged_at WHERE routing.publication.id = :id_1;

-- === take back a load

DELETE TOP (4000) FROM routing.abstained_item WHERE routing.abstained_item.publication_id = :publication_id_1;

SELECT TOP 1 1
FROM routing.abstained_item
WHERE routing.abstained_item.publication_id = :publication_id_1;

DELETE TOP (4000) FROM routing.candidate_evidence WHERE routing.candidate_evidence.publication_id = :publication_id_1;

SELECT TOP 1 1
FROM routing.candidate_evidence
WHERE routing.candidate_evidence.publication_id = :publication_id_1;

DELETE TOP (4000) FROM routing.candidate_operation WHERE routing.candidate_operation.publication_id = :publication_id_1;

SELECT TOP 1 1
FROM routing.candidate_operation
WHERE routing.candidate_operation.publication_id = :publication_id_1;

DELETE TOP (4000) FROM routing.candidate WHERE routing.candidate.publication_id = :publication_id_1;

SELECT TOP 1 1
FROM routing.candidate
WHERE routing.candidate.publication_id = :publication_id_1;

DELETE TOP (4000) FROM routing.item_version WHERE routing.item_version.from_publication = :from_publication_1;

SELECT TOP 1 1
FROM routing.item_version
WHERE routing.item_version.from_publication = :from_publication_1;

DELETE TOP (4000) FROM routing.resource_alternative WHERE routing.resource_alternative.publication_id = :publication_id_1;

SELECT TOP 1 1
FROM routing.resource_alternative
WHERE routing.resource_alternative.publication_id = :publication_id_1;

DELETE TOP (4000) FROM routing.job_version WHERE routing.job_version.from_publication = :from_publication_1;

SELECT TOP 1 1
FROM routing.job_version
WHERE routing.job_version.from_publication = :from_publication_1;

-- === an engineer accepts

SELECT routing.schema_version.version_num
FROM routing.schema_version;

SELECT routing.current_publication.publication_id
FROM routing.current_publication;

SELECT TOP 1 routing_candidates.item_cd
FROM routing.routing_candidates
WHERE routing_candidates.publication_id = :publication_id_1 AND routing_candidates.item_cd = :item_cd_1;

SELECT routing_candidates.publication_id, routing_candidates.item_cd, routing_candidates.candidate_id, routing_candidates.candidate_rank, routing_candidates.predicted_rout_no, routing_candidates.routing_code
FROM routing.routing_candidates
WHERE routing_candidates.publication_id = :publication_id_1 AND routing_candidates.item_cd = :item_cd_1 AND routing_candidates.candidate_id = :candidate_id_1;

SELECT routing.routing_feedback.item_cd, routing.routing_feedback.publication_id, routing.routing_feedback.candidate_id, routing.routing_feedback.candidate_rank, routing.routing_feedback.predicted_rout_no, routing.routing_feedback.routing_code, routing.routing_feedback.accepted_by, routing.routing_feedback.accepted_at, routing.routing_feedback.mark, routing.routing_feedback.reason_code, routing.routing_feedback.remark, routing.routing_feedback.undone_by, routing.routing_feedback.undone_at
FROM routing.routing_feedback
WHERE routing.routing_feedback.item_cd = :item_cd_1 AND routing.routing_feedback.publication_id = :publication_id_1 AND routing.routing_feedback.candidate_rank = :candidate_rank_1;

INSERT INTO routing.routing_feedback (item_cd, publication_id, candidate_id, candidate_rank, predicted_rout_no, routing_code, accepted_by, accepted_at, mark, reason_code, remark, undone_by, undone_at) VALUES (:item_cd, :publication_id, :candidate_id, :candidate_rank, :predicted_rout_no, :routing_code, :accepted_by, :accepted_at, :mark, :reason_code, :remark, :undone_by, :undone_at);

SELECT bop_proc_master.[ID], bop_proc_master.[CoCd], bop_proc_master.[PlantCd], bop_proc_master.[ITEM_CD], bop_proc_master.[ROUT_NO], bop_proc_master.[BOM_NO], bop_proc_master.[DESCRIPTION], bop_proc_master.[MAJOR_FLG], bop_proc_master.[VALID_FROM_DT], bop_proc_master.[VALID_TO_DT], bop_proc_master.[ROU_DEV_USER_ID], bop_proc_master.[ROU_MFG_USER_ID], bop_proc_master.[ROU_QUR_USER_ID], bop_proc_master.[ROU_APP_USER_ID], bop_proc_master.[REV_NO], bop_proc_master.[REV_DT], bop_proc_master.[INSRT_USER_ID], bop_proc_master.[INSRT_DT], bop_proc_master.[UPDT_USER_ID], bop_proc_master.[UPDT_DT], bop_proc_master.[ALT_RT_VALUE], bop_proc_master.[ASSIGN_NO], bop_proc_master.[AttachNo], bop_proc_master.[STD_ROUT_ITEM], bop_proc_master.[STD_ROUT_NO], bop_proc_master.[REV_NOTE], bop_proc_master.[Difficult_Level], bop_proc_master.[ITEM_LT]
FROM routing.bop_proc_master
WHERE bop_proc_master.[ITEM_CD] = :ITEM_CD_1 AND bop_proc_master.[ROUT_NO] = :ROUT_NO_1 ORDER BY bop_proc_master.[ID];

SELECT bop_proc_detail.[ID], bop_proc_detail.[CoCd], bop_proc_detail.[PlantCd], bop_proc_detail.[ITEM_CD], bop_proc_detail.[ROUT_NO], bop_proc_detail.[PROC_SEQ], bop_proc_detail.[WC_CD], bop_proc_detail.[INSIDE_FLG], bop_proc_detail.[RES_CD], bop_proc_detail.[ROUT_ORDER], bop_proc_detail.[JOB_CD], bop_proc_detail.[MFG_LT], bop_proc_detail.[TIME_UNIT], bop_proc_detail.[RUN_TIME], bop_proc_detail.[SETUP_TIME], bop_proc_detail.[WAIT_TIME], bop_proc_detail.[MOVE_TIME], bop_proc_detail.[MOVE_QTY], bop_proc_detail.[QUEUE_TIME], bop_proc_detail.[RUN_TIME_QTY], bop_proc_detail.[RUN_TIME_UNIT], bop_proc_detail.[MILESTONE_FLG], bop_proc_detail.[INSP_FLG], bop_proc_detail.[OVERLAP_OPR], bop_proc_detail.[OVERLAP_LT], bop_proc_detail.[SUBCONTRACT_PRC], bop_proc_detail.[CUR_CD], bop_proc_detail.[BP_CD], bop_proc_detail.[TAX_TYPE], bop_proc_detail.[RUN_TIME_RULE_PLAN], bop_proc_detail.[RUN_TIME_RULE_SCHL], bop_proc_detail.[RUN_TIME_PLAN], bop_proc_detail.[RUN_TIME_SCHL], bop_proc_detail.[SETUP_TIME_IN_HOUR_PLAN], bop_proc_detail.[SETUP_TIME_IN_HOUR], bop_proc_detail.[SETUP_TIME_RULE], bop_proc_detail.[WHEN_TO_SETUP_RULE], bop_proc_detail.[WAIT_TIME_IN_HOUR], bop_proc_detail.[MOVE_TIME_IN_HOUR], bop_proc_detail.[QUEUE_TIME_IN_HOUR], bop_proc_detail.[ALLOC_RULE], bop_proc_detail.[SELECT_RULE], bop_proc_detail.[FREE_CHECK_FLG], bop_proc_detail.[HOLD_TEMP_FLG], bop_proc_detail.[NEXT_PROC_SEQ], bop_proc_detail.[OPR_SEQ], bop_proc_detail.[SETUP_BASE_CD], bop_proc_detail.[CROSS_BREAK_RULE], bop_proc_detail.[OVERLAP_TYPE], bop_proc_detail.[OVERLAP_VALUE], bop_proc_detail.[PROD_RATE], bop_proc_detail.[SETUP_RSC_GRP_CD], bop_proc_detail.[SETUP_RSC_CD], bop_proc_detail.[RSC_SCHEDULED_FLG], bop_proc_detail.[AttachNo], bop_proc_detail.[ROUT_DOC], bop_proc_detail.[OP_DRAW_NO], bop_proc_detail.[ROUT_SIZE], bop_proc_detail.[STD_RUN_COST_PER_HR], bop_proc_detail.[STD_SUBCONTRACT_PRC], bop_proc_detail.[STD_LABOR_COST], bop_proc_detail.[STD_DIR_EXPENSE], bop_proc_detail.[STD_INDIR_LABOR_COST], bop_proc_detail.[STD_INDIR_EXPENSE], bop_proc_detail.[VALID_FROM_DT], bop_proc_detail.[VALID_TO_DT], bop_proc_detail.[NC_PROGRAM], bop_proc_detail.[NC_PROGRAM_WRITER], bop_proc_detail.[NC_WRITE_DATE], bop_proc_detail.[NC_REVIEWER], bop_proc_detail.[NC_REVIEW_DT], bop_proc_detail.[PRESSURE_USE], bop_proc_detail.[INSRT_USER_ID], bop_proc_detail.[INSRT_DT], bop_proc_detail.[UPDT_USER_ID], bop_proc_detail.[UPDT_DT], bop_proc_detail.[FIX_RUN_TIME], bop_proc_detail.[REMARK], bop_proc_detail.[CUST_SIZE], bop_proc_detail.[MTMG_NUMB], bop_proc_detail.[D_ITEM_CD], bop_proc_detail.[RAW_MATL_SIZE], bop_proc_detail.[JAW_SIZE], bop_proc_detail.[VALIDITY], bop_proc_detail.[PROGRAM_REMARK], bop_proc_detail.[BATCH_OPER], bop_proc_detail.[ACT_RUN_TIME], bop_proc_detail.[ACT_SETUP_TIME], bop_proc_detail.[DocYn], bop_proc_detail.[PROC_REMARK], bop_proc_detail.[NC_UPDATER], bop_proc_detail.[NC_UPDATE_DT], bop_proc_detail.[GROSS_WEIGHT]
FROM routing.bop_proc_detail
WHERE bop_proc_detail.[ITEM_CD] = :ITEM_CD_1 AND bop_proc_detail.[ROUT_NO] = :ROUT_NO_1 ORDER BY bop_proc_detail.[ID];

SELECT bop_proc_res.[ID], bop_proc_res.[COCD], bop_proc_res.[PLANTCD], bop_proc_res.[ITEM_CD], bop_proc_res.[ROUT_NO], bop_proc_res.[REV_NO], bop_proc_res.[JOB_CD], bop_proc_res.[RES_CD], bop_proc_res.[RUN_TIME], bop_proc_res.[SETUP_TIME], bop_proc_res.[WAIT_TIME], bop_proc_res.[MOVE_TIME], bop_proc_res.[QUEUE_TIME], bop_proc_res.[AFTER_TIME], bop_proc_res.[MAN_HOUR], bop_proc_res.[MACHINE_HOUR], bop_proc_res.[RES_PRIORITY], bop_proc_res.[MAIN_YN], bop_proc_res.[IN_ID], bop_proc_res.[IN_DT], bop_proc_res.[UP_ID], bop_proc_res.[UP_DT], bop_proc_res.[TASK_ID], bop_proc_res.[REV_COND], bop_proc_res.[TASK_COND], bop_proc_res.[FOLD_MTHD], bop_proc_res.[FOLD_TIME], bop_proc_res.[PREV_RES_QTY], bop_proc_res.[CURR_RES_QTY], bop_proc_res.[NEXT_RES_QTY], bop_proc_res.[NEXT_RES_ABSL_YN], bop_proc_res.[RUN_TIME_UNIT], bop_proc_res.[SETUP_TIME_UNIT], bop_proc_res.[WAIT_TIME_UNIT], bop_proc_res.[MOVE_TIME_UNIT], bop_proc_res.[QUEUE_TIME_UNIT], bop_proc_res.[AFTER_TIME_UNIT], bop_proc_res.[BEFORE_TIME], bop_proc_res.[BEFORE_TIME_UNIT]
FROM routing.bop_proc_res
WHERE bop_proc_res.[ITEM_CD] = :ITEM_CD_1 AND bop_proc_res.[ROUT_NO] = :ROUT_NO_1 ORDER BY bop_proc_res.[ID];

SELECT routing.routing_feedback.candidate_id, routing.routing_feedback.publication_id
FROM routing.routing_feedback
WHERE routing.routing_feedback.item_cd = :item_cd_1 AND routing.routing_feedback.routing_code != :routing_code_1 AND routing.routing_feedback.undone_at IS NULL AND (routing.routing_feedback.mark IS NULL OR routing.routing_feedback.mark != :mark_1) ORDER BY routing.routing_feedback.publication_id, routing.routing_feedback.candidate_rank;

-- === records

SELECT routing.schema_version.version_num
FROM routing.schema_version;

UPDATE routing.batch_run SET kind=:kind, finished_at=:finished_at, status=:status, attempt=(routing.batch_run.attempt + :attempt_1), message=:message, metadata=:metadata OUTPUT inserted.run_id WHERE routing.batch_run.run_id = :run_id_1;

INSERT INTO routing.batch_run (run_id, kind, started_at, status, attempt, config_hash, profile, metadata) VALUES (:run_id, :kind, :started_at, :status, :attempt, :config_hash, :profile, :metadata);

UPDATE routing.batch_run SET finished_at=:finished_at, status=:status, rows_read=:rows_read OUTPUT inserted.run_id WHERE routing.batch_run.run_id = :run_id_1;

SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = :run_id_1;

SELECT routing.model_version.manifest_sha256
FROM routing.model_version
WHERE routing.model_version.version = :version_1;

INSERT INTO routing.model_version (version, status, requested_by, run_id, created_at, trained_at, updated_at, manifest_sha256, training_samples, unique_items, unique_processes, training_duration_sec, hyperparameters, metadata) VALUES (:version, :status, :requested_by, :run_id, :created_at, :trained_at, :updated_at, :manifest_sha256, :training_samples, :unique_items, :unique_processes, :training_duration_sec, :hyperparameters, :metadata);

SELECT count(*) AS count_1
FROM routing.model_version
WHERE routing.model_version.version = :version_1;

DELETE FROM routing.model_metric WHERE routing.model_metric.model_version = :model_version_1 AND routing.model_metric.run_id = :run_id_1 AND routing.model_metric.split IN (:split_1_1);

INSERT INTO routing.model_metric (model_version, run_id, method, split, segment, metric, value, low, high, n, reason, computed_at, window_id, items_trained) VALUES (:model_version, :run_id, :method, :split, :segment, :metric, :value, :low, :high, :n, :reason, :computed_at, :window_id, :items_trained);

SELECT TOP 1 routing.batch_run.run_id
FROM routing.batch_run ORDER BY coalesce((SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.run_id = routing.batch_run.run_id), (SELECT max(routing.erp_read.number) AS max_1
FROM routing.erp_read
WHERE routing.erp_read.began_at <= routing.batch_run.started_at), 0) DESC, routing.batch_run.started_at DESC;

SELECT min(routing.batch_run.rejects_no) AS min_1
FROM routing.batch_run
WHERE routing.batch_run.started_at >= :started_at_1 OR routing.batch_run.run_id = :run_id_1;

SELECT routing.batch_run.run_id, routing.batch_run.started_at
FROM routing.batch_run
WHERE routing.batch_run.started_at < :started_at_1 AND routing.batch_run.run_id != :run_id_1 AND (routing.batch_run.started_at < :started_at_2 OR routing.batch_run.rejects_no IS NOT NULL OR (EXISTS (SELECT 1
FROM routing.quality_result
WHERE routing.quality_result.run_id = routing.batch_run.run_id)) OR (EXISTS (SELECT 1
FROM routing.rejected_row
WHERE routing.rejected_row.run_id = routing.batch_run.run_id)));

SELECT routing.model_version.version, routing.model_version.created_at
FROM routing.model_version
WHERE routing.model_version.status != :status_1 ORDER BY routing.model_version.created_at DESC;

SELECT TOP 1 1
FROM routing.prediction_outcome
WHERE routing.prediction_outcome.observed_at < :observed_at_1;

SELECT TOP 1 1
FROM routing.audit_log
WHERE routing.audit_log.happened_at < :happened_at_1;

SELECT TOP 1 1
FROM routing.time_profile_month
WHERE routing.time_profile_month.month < :month_1;

SELECT TOP 1 1
FROM routing.erp_read
WHERE routing.erp_read.began_at < :began_at_1 AND routing.erp_read.overtaken_no IS NOT NULL;

-- === reconcile

SELECT count(*) AS row_count, count(routing.candidate.item_cd) AS item_cd_n, sum(CAST(datalength(routing.candidate.item_cd) AS BIGINT)) / :sum_1 AS item_cd_t, count(routing.candidate.candidate_rank) AS candidate_rank_n, sum(CAST(routing.candidate.candidate_rank AS BIGINT)) AS candidate_rank_t, count(routing.candidate.candidate_id) AS candidate_id_n, sum(CAST(datalength(routing.candidate.candidate_id) AS BIGINT)) / :sum_2 AS candidate_id_t, count(routing.candidate.routing_signature) AS routing_signature_n, sum(CAST(datalength(routing.candidate.routing_signature) AS BIGINT)) / :sum_3 AS routing_signature_t, count(routing.candidate.routing_code) AS routing_code_n, sum(CAST(datalength(routing.candidate.routing_code) AS BIGINT)) / :sum_4 AS routing_code_t, count(routing.candidate.similarity_score) AS similarity_score_n, sum(CAST(routing.candidate.similarity_score * :similarity_score_1 AS BIGINT)) AS similarity_score_t, count(routing.candidate.confidence) AS confidence_n, sum(CAST(routing.candidate.confidence * :confidence_1 AS BIGINT)) AS confidence_t, count(routing.candidate.priority) AS priority_n, sum(CAST(datalength(routing.candidate.priority) AS BIGINT)) / :sum_5 AS priority_t, count(routing.candidate.similarity_tier) AS similarity_tier_n, sum(CAST(datalength(routing.candidate.similarity_tier) AS BIGINT)) / :sum_6 AS similarity_tier_t, count(routing.candidate.reference_item_cd) AS reference_item_cd_n, sum(CAST(datalength(routing.candidate.reference_item_cd) AS BIGINT)) / :sum_7 AS reference_item_cd_t, count(routing.candidate.rout_no) AS rout_no_n, sum(CAST(datalength(routing.candidate.rout_no) AS BIGINT)) / :sum_8 AS rout_no_t, count(routing.candidate.predicted_rout_no) AS predicted_rout_no_n, sum(CAST(datalength(routing.candidate.predicted_rout_no) AS BIGINT)) / :sum_9 AS predicted_rout_no_t, count(routing.candidate.routing_source) AS routing_source_n, sum(CAST(datalength(routing.candidate.routing_source) AS BIGINT)) / :sum_10 AS routing_source_t, count(routing.candidate.process_count) AS process_count_n, sum(CAST(routing.candidate.process_count AS BIGINT)) AS process_count_t, count(routing.candidate.work_order_count) AS work_order_count_n, sum(CAST(routing.candidate.work_order_count AS BIGINT)) AS work_order_count_t, count(routing.candidate.work_order_confidence) AS work_order_confidence_n, sum(CAST(routing.candidate.work_order_confidence * :work_order_confidence_1 AS BIGINT)) AS work_order_confidence_t, count(routing.candidate.neighbour_count) AS neighbour_count_n, sum(CAST(routing.candidate.neighbour_count AS BIGINT)) AS neighbour_count_t, count(routing.candidate.support) AS support_n, sum(CAST(routing.candidate.support * :support_1 AS BIGINT)) AS support_t, count(routing.candidate.matched_attributes) AS matched_attributes_n, sum(CAST(datalength(routing.candidate.matched_attributes) AS BIGINT)) / :sum_11 AS matched_attributes_t, count(routing.candidate.item_hash) AS item_hash_n, sum(CAST(datalength(routing.candidate.item_hash) AS BIGINT)) AS item_hash_t, count(routing.candidate.replaced_operations) AS replaced_operations_n, sum(CAST(routing.candidate.replaced_operations AS BIGINT)) AS replaced_operations_t
FROM routing.item_version AS version JOIN routing.candidate ON version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND routing.candidate.publication_id = version.from_publication AND routing.candidate.item_cd = version.item_cd;

SELECT count(*) AS row_count, count(routing.candidate_operation.item_cd) AS item_cd_n, sum(CAST(datalength(routing.candidate_operation.item_cd) AS BIGINT)) / :sum_1 AS item_cd_t, count(routing.candidate_operation.candidate_rank) AS candidate_rank_n, sum(CAST(routing.candidate_operation.candidate_rank AS BIGINT)) AS candidate_rank_t, count(routing.candidate_operation.proc_seq) AS proc_seq_n, sum(CAST(routing.candidate_operation.proc_seq AS BIGINT)) AS proc_seq_t, count(routing.candidate_operation.inside) AS inside_n, sum(CAST(datalength(routing.candidate_operation.inside) AS BIGINT)) AS inside_t, count(routing.candidate_operation.job_cd) AS job_cd_n, sum(CAST(datalength(routing.candidate_operation.job_cd) AS BIGINT)) / :sum_2 AS job_cd_t, count(routing.candidate_operation.job_nm) AS job_nm_n, sum(CAST(datalength(routing.candidate_operation.job_nm) AS BIGINT)) / :sum_3 AS job_nm_t, count(routing.candidate_operation.res_cd) AS res_cd_n, sum(CAST(datalength(routing.candidate_operation.res_cd) AS BIGINT)) / :sum_4 AS res_cd_t, count(routing.candidate_operation.res_nm) AS res_nm_n, sum(CAST(datalength(routing.candidate_operation.res_nm) AS BIGINT)) / :sum_5 AS res_nm_t, count(routing.candidate_operation.rout_order) AS rout_order_n, sum(CAST(datalength(routing.candidate_operation.rout_order) AS BIGINT)) / :sum_6 AS rout_order_t, count(routing.candidate_operation.setup_time) AS setup_time_n, sum(CAST(routing.candidate_operation.setup_time * :setup_time_1 AS BIGINT)) AS setup_time_t, count(routing.candidate_operation.run_time) AS run_time_n, sum(CAST(routing.candidate_operation.run_time * :run_time_1 AS BIGINT)) AS run_time_t, count(routing.candidate_operation.setup_p10) AS setup_p10_n, sum(CAST(routing.candidate_operation.setup_p10 * :setup_p10_1 AS BIGINT)) AS setup_p10_t, count(routing.candidate_operation.setup_p90) AS setup_p90_n, sum(CAST(routing.candidate_operation.setup_p90 * :setup_p90_1 AS BIGINT)) AS setup_p90_t, count(routing.candidate_operation.run_p10) AS run_p10_n, sum(CAST(routing.candidate_operation.run_p10 * :run_p10_1 AS BIGINT)) AS run_p10_t, count(routing.candidate_operation.run_p50) AS run_p50_n, sum(CAST(routing.candidate_operation.run_p50 * :run_p50_1 AS BIGINT)) AS run_p50_t, count(routing.candidate_operation.run_p90) AS run_p90_n, sum(CAST(routing.candidate_operation.run_p90 * :run_p90_1 AS BIGINT)) AS run_p90_t, count(routing.candidate_operation.optimal_time) AS optimal_time_n, sum(CAST(routing.candidate_operation.optimal_time * :optimal_time_1 AS BIGINT)) AS optimal_time_t, count(routing.candidate_operation.standard_time) AS standard_time_n, sum(CAST(routing.candidate_operation.standard_time * :standard_time_1 AS BIGINT)) AS standard_time_t, count(routing.candidate_operation.safe_time) AS safe_time_n, sum(CAST(routing.candidate_operation.safe_time * :safe_time_1 AS BIGINT)) AS safe_time_t, count(routing.candidate_operation.time_cv) AS time_cv_n, sum(CAST(routing.candidate_operation.time_cv * :time_cv_1 AS BIGINT)) AS time_cv_t, count(routing.candidate_operation.act_setup_time) AS act_setup_time_n, sum(CAST(routing.candidate_operation.act_setup_time * :act_setup_time_1 AS BIGINT)) AS act_setup_time_t, count(routing.candidate_operation.act_run_time) AS act_run_time_n, sum(CAST(routing.candidate_operation.act_run_time * :act_run_time_1 AS BIGINT)) AS act_run_time_t, count(routing.candidate_operation.queue_time) AS queue_time_n, sum(CAST(routing.candidate_operation.queue_time * :queue_time_1 AS BIGINT)) AS queue_time_t, count(routing.candidate_operation.wait_time) AS wait_time_n, sum(CAST(routing.candidate_operation.wait_time * :wait_time_1 AS BIGINT)) AS wait_time_t, count(routing.candidate_operation.move_time) AS move_time_n, sum(CAST(routing.candidate_operation.move_time * :move_time_1 AS BIGINT)) AS move_time_t, count(routing.candidate_operation.mfg_lt) AS mfg_lt_n, sum(CAST(routing.candidate_operation.mfg_lt * :mfg_lt_1 AS BIGINT)) AS mfg_lt_t, count(routing.candidate_operation.batch_oper) AS batch_oper_n, sum(CAST(datalength(routing.candidate_operation.batch_oper) AS BIGINT)) / :sum_7 AS batch_oper_t, count(routing.candidate_operation.bp_cd) AS bp_cd_n, sum(CAST(datalength(routing.candidate_operation.bp_cd) AS BIGINT)) / :sum_8 AS bp_cd_t, count(routing.candidate_operation.cust_nm) AS cust_nm_n, sum(CAST(datalength(routing.candidate_operation.cust_nm) AS BIGINT)) / :sum_9 AS cust_nm_t, count(routing.candidate_operation.cur_cd) AS cur_cd_n, sum(CAST(datalength(routing.candidate_operation.cur_cd) AS BIGINT)) / :sum_10 AS cur_cd_t, count(routing.candidate_operation.subcontract_prc) AS subcontract_prc_n, sum(CAST(routing.candidate_operation.subcontract_prc * :subcontract_prc_1 AS BIGINT)) AS subcontract_prc_t, count(routing.candidate_operation.tax_type) AS tax_type_n, sum(CAST(datalength(routing.candidate_operation.tax_type) AS BIGINT)) / :sum_11 AS tax_type_t, count(routing.candidate_operation.insp_flg) AS insp_flg_n, sum(CAST(datalength(routing.candidate_operation.insp_flg) AS BIGINT)) / :sum_12 AS insp_flg_t, count(routing.candidate_operation.milestone_flg) AS milestone_flg_n, sum(CAST(datalength(routing.candidate_operation.milestone_flg) AS BIGINT)) / :sum_13 AS milestone_flg_t, count(routing.candidate_operation.confidence) AS confidence_n, sum(CAST(routing.candidate_operation.confidence * :confidence_1 AS BIGINT)) AS confidence_t, count(routing.candidate_operation.support) AS support_n, sum(CAST(routing.candidate_operation.support * :support_1 AS BIGINT)) AS support_t, count(routing.candidate_operation.sample_count) AS sample_count_n, sum(CAST(routing.candidate_operation.sample_count AS BIGINT)) AS sample_count_t, count(routing.candidate_operation.time_source) AS time_source_n, sum(CAST(datalength(routing.candidate_operation.time_source) AS BIGINT)) AS time_source_t, count(routing.candidate_operation.time_confidence) AS time_confidence_n, sum(CAST(routing.candidate_operation.time_confidence * :time_confidence_1 AS BIGINT)) AS time_confidence_t, count(routing.candidate_operation.source_items) AS source_items_n, sum(CAST(datalength(routing.candidate_operation.source_items) AS BIGINT)) / :sum_14 AS source_items_t, count(routing.candidate_operation.source_similarity) AS source_similarity_n, sum(CAST(routing.candidate_operation.source_similarity * :source_similarity_1 AS BIGINT)) AS source_similarity_t, count(routing.candidate_operation.source_rout_no) AS source_rout_no_n, sum(CAST(datalength(routing.candidate_operation.source_rout_no) AS BIGINT)) / :sum_15 AS source_rout_no_t, count(routing.candidate_operation.lot_size) AS lot_size_n, sum(CAST(routing.candidate_operation.lot_size * :lot_size_1 AS BIGINT)) AS lot_size_t, count(routing.candidate_operation.lot_exponent) AS lot_exponent_n, sum(CAST(routing.candidate_operation.lot_exponent * :lot_exponent_1 AS BIGINT)) AS lot_exponent_t, count(routing.candidate_operation.replaced_job) AS replaced_job_n, sum(CAST(datalength(routing.candidate_operation.replaced_job) AS BIGINT)) / :sum_16 AS replaced_job_t
FROM routing.item_version AS version JOIN routing.candidate_operation ON version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND routing.candidate_operation.publication_id = version.from_publication AND routing.candidate_operation.item_cd = version.item_cd;

SELECT count(*) AS row_count, count(routing.candidate_evidence.item_cd) AS item_cd_n, sum(CAST(datalength(routing.candidate_evidence.item_cd) AS BIGINT)) / :sum_1 AS item_cd_t, count(routing.candidate_evidence.candidate_rank) AS candidate_rank_n, sum(CAST(routing.candidate_evidence.candidate_rank AS BIGINT)) AS candidate_rank_t, count(routing.candidate_evidence.evidence_rank) AS evidence_rank_n, sum(CAST(routing.candidate_evidence.evidence_rank AS BIGINT)) AS evidence_rank_t, count(routing.candidate_evidence.neighbour_item_cd) AS neighbour_item_cd_n, sum(CAST(datalength(routing.candidate_evidence.neighbour_item_cd) AS BIGINT)) / :sum_2 AS neighbour_item_cd_t, count(routing.candidate_evidence.neighbour_rout_no) AS neighbour_rout_no_n, sum(CAST(datalength(routing.candidate_evidence.neighbour_rout_no) AS BIGINT)) / :sum_3 AS neighbour_rout_no_t, count(routing.candidate_evidence.similarity) AS similarity_n, sum(CAST(routing.candidate_evidence.similarity * :similarity_1 AS BIGINT)) AS similarity_t, count(routing.candidate_evidence.weight) AS weight_n, sum(CAST(routing.candidate_evidence.weight * :weight_1 AS BIGINT)) AS weight_t, count(routing.candidate_evidence.matching) AS matching_n, sum(CAST(datalength(routing.candidate_evidence.matching) AS BIGINT)) / :sum_4 AS matching_t, count(routing.candidate_evidence.differing) AS differing_n, sum(CAST(datalength(routing.candidate_evidence.differing) AS BIGINT)) / :sum_5 AS differing_t
FROM routing.item_version AS version JOIN routing.candidate_evidence ON version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND routing.candidate_evidence.publication_id = version.from_publication AND routing.candidate_evidence.item_cd = version.item_cd;

SELECT count(*) AS row_count, count(routing.resource_alternative.job_cd) AS job_cd_n, sum(CAST(datalength(routing.resource_alternative.job_cd) AS BIGINT)) / :sum_1 AS job_cd_t, count(routing.resource_alternative.res_cd) AS res_cd_n, sum(CAST(datalength(routing.resource_alternative.res_cd) AS BIGINT)) / :sum_2 AS res_cd_t, count(routing.resource_alternative.res_nm) AS res_nm_n, sum(CAST(datalength(routing.resource_alternative.res_nm) AS BIGINT)) / :sum_3 AS res_nm_t, count(routing.resource_alternative.alternative_rank) AS alternative_rank_n, sum(CAST(routing.resource_alternative.alternative_rank AS BIGINT)) AS alternative_rank_t, count(routing.resource_alternative.is_pool) AS is_pool_n, sum(CASE WHEN (routing.resource_alternative.is_pool = 1) THEN :param_1 ELSE :param_2 END) AS is_pool_t, count(routing.resource_alternative.use_count) AS use_count_n, sum(CAST(routing.resource_alternative.use_count AS BIGINT)) AS use_count_t, count(routing.resource_alternative.use_share) AS use_share_n, sum(CAST(routing.resource_alternative.use_share * :use_share_1 AS BIGINT)) AS use_share_t, count(routing.resource_alternative.last_used) AS last_used_n, sum(CAST(datediff(day, '19700101', routing.resource_alternative.last_used) AS BIGINT)) AS last_used_t
FROM routing.job_version AS version JOIN routing.resource_alternative ON version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later
WHERE later.job_cd = version.job_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND routing.resource_alternative.publication_id = version.from_publication AND routing.resource_alternative.job_cd = version.job_cd;

SELECT count(*) AS row_count, count(routing.abstained_item.item_cd) AS item_cd_n, sum(CAST(datalength(routing.abstained_item.item_cd) AS BIGINT)) / :sum_1 AS item_cd_t, count(routing.abstained_item.reason_code) AS reason_code_n, sum(CAST(datalength(routing.abstained_item.reason_code) AS BIGINT)) / :sum_2 AS reason_code_t, count(routing.abstained_item.reason) AS reason_n, sum(CAST(datalength(routing.abstained_item.reason) AS BIGINT)) / :sum_3 AS reason_t, count(routing.abstained_item.best_similarity) AS best_similarity_n, sum(CAST(routing.abstained_item.best_similarity * :best_similarity_1 AS BIGINT)) AS best_similarity_t
FROM routing.item_version AS version JOIN routing.abstained_item ON version.from_publication <= :from_publication_1 AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = version.item_cd AND later.from_publication > version.from_publication AND later.from_publication <= :from_publication_2)) AND routing.abstained_item.publication_id = version.from_publication AND routing.abstained_item.item_cd = version.item_cd;

-- === what the server can do

SELECT CASE WHEN SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14) THEN 1 ELSE 0 END;

SELECT CAST(SERVERPROPERTY(N'Babelfish') AS int);

SELECT CAST(is_read_committed_snapshot_on AS int) FROM sys.databases WHERE name = DB_NAME();

SELECT OBJECT_SCHEMA_NAME(m.object_id) + N'.' + OBJECT_NAME(m.object_id), m.definition FROM sys.sql_modules AS m WHERE m.definition LIKE N'%current[_]publication%';
