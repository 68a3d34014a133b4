-- upgrade

CREATE TABLE erp_read (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id VARCHAR(64) NOT NULL,
    began_at DATETIME NOT NULL,
    overtaken_no INTEGER,
    overtaken_at DATETIME,
    CONSTRAINT ck_erp_read_overtaken_no CHECK (overtaken_no > number)
);

CREATE INDEX ix_erp_read_run_id ON erp_read (run_id);

-- downgrade

DROP TABLE erp_read;
