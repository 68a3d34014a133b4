-- upgrade

CREATE TABLE {schema}.erp_read (
    number SERIAL NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    began_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    overtaken_no INTEGER,
    overtaken_at TIMESTAMP WITHOUT TIME ZONE,
    CONSTRAINT pk_erp_read PRIMARY KEY (number),
    CONSTRAINT ck_erp_read_overtaken_no CHECK (overtaken_no > number)
);

CREATE INDEX ix_erp_read_run_id ON {schema}.erp_read (run_id);

-- downgrade

DROP TABLE {schema}.erp_read;
