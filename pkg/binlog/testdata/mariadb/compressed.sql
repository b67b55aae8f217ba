-- Compressed events.
CREATE DATABASE d;
USE d;
SET GLOBAL log_bin_compress = ON;
SET GLOBAL log_bin_compress_min_len = 10;
-- session two
USE d;
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(2000)) COMMENT 'a statement that is long enough to be compressed';
INSERT INTO a VALUES (1, REPEAT('x', 1000)), (2, NULL);
UPDATE a SET v = REPEAT('y', 1000);
DELETE FROM a;
SET GLOBAL log_bin_compress = OFF;
SET GLOBAL log_bin_compress_min_len = 256;
