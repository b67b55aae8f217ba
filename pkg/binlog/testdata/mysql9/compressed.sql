-- Compressed transactions, one of them with several row events.
CREATE DATABASE d;
USE d;
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(2000));
CREATE TABLE b (id INT PRIMARY KEY);
SET SESSION binlog_transaction_compression = ON;
INSERT INTO a VALUES (1, 'x'), (2, NULL);
BEGIN;
INSERT INTO a WITH RECURSIVE s AS (SELECT 1 n UNION ALL SELECT n + 1 FROM s WHERE n < 20) SELECT 100 + n, REPEAT('y', 2000) FROM s;
INSERT INTO b VALUES (1);
COMMIT;
SET SESSION binlog_transaction_compression_level_zstd = 22;
DELETE FROM a;
SET SESSION binlog_transaction_compression = OFF;
INSERT INTO b VALUES (2);
