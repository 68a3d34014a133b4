-- upgrade

CREATE TABLE {schema}.erp_read (
    number INTEGER NOT NULL IDENTITY,
    run_id NVARCHAR(64) NOT NULL,
    began_at DATETIME2(3) NOT NULL,
    overtaken_no INTEGER NULL,
    overtaken_at DATETIME2(3) NULL,
    CONSTRAINT pk_erp_read PRIMARY KEY (number),
    CONSTRAINT ck_erp_read_overtaken_no CHECK (overtaken_no > number)
);

CREATE INDEX ix_erp_read_run_id ON {schema}.erp_read (run_id);

-- downgrade

DROP TABLE {schema}.erp_read;
