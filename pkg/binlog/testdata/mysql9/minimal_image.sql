-- An update that holds the key and what changed only.
CREATE DATABASE d;
USE d;
CREATE TABLE a (id INT PRIMARY KEY, v INT, w INT);
INSERT INTO a VALUES (1, 1, 1);
SET SESSION binlog_row_image = MINIMAL;
UPDATE a SET v = 2;
