-- Databases beside the captured one: what is published of their definitions.
-- @sole
-- @props schema.history.internal.store.only.captured.databases.ddl=false
-- @props table.include.list=@DB\\.(t|come|gone|late|swap|back)
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE gone (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE swap (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE plain (id INT PRIMARY KEY);
CREATE TABLE Zebra (id INT PRIMARY KEY);
INSERT INTO t VALUES (1, 'a');
INSERT INTO gone VALUES (1, 'a');
INSERT INTO swap VALUES (1, 'a');
CREATE DATABASE aa_@DB CHARACTER SET utf8mb4;
CREATE TABLE aa_@DB.first (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET latin1 NOT NULL DEFAULT 'x', e ENUM('a', 'b'));
CREATE DATABASE `@DB-dash`;
CREATE TABLE `@DB-dash`.`odd name` (id INT PRIMARY KEY, KEY k (id));
CREATE DATABASE @DB_aside CHARACTER SET latin1;
CREATE DATABASE @DB_empty CHARACTER SET latin1;
CREATE TABLE @DB_aside.x (id INT PRIMARY KEY, n VARCHAR(10), u INT UNIQUE) COMMENT 'beside';
CREATE TABLE @DB_aside.t (id INT PRIMARY KEY);
CREATE TABLE @DB_aside.swapped (id INT PRIMARY KEY, v VARCHAR(20), w INT);
CREATE TABLE @DB_aside.keyless (v VARCHAR(20));
CREATE TABLE @DB_aside.back (id INT PRIMARY KEY);
CREATE VIEW @DB_aside.vw AS SELECT 1;
INSERT INTO @DB_aside.x VALUES (1, 'a', 1);
-- @stream
-- by qualified names
CREATE TABLE @DB_aside.y (id INT PRIMARY KEY, v VARCHAR(5));
ALTER TABLE @DB_aside.x ADD COLUMN w INT DEFAULT 5;
CREATE TABLE @DB_aside.liked LIKE t;
ALTER TABLE `@DB-dash`.`odd name` ADD COLUMN v INT;
-- with USE
USE @DB_aside;
CREATE TABLE z LIKE x;
ALTER TABLE z DROP COLUMN w;
CREATE INDEX i ON z (n);
CREATE UNIQUE INDEX ui ON keyless (v);
DROP INDEX i ON z;
DROP INDEX ui ON keyless;
INSERT INTO x (id, n, u) VALUES (2, 'b', 2);
RENAME TABLE z TO zz;
TRUNCATE TABLE t;
CREATE OR REPLACE VIEW vw AS SELECT 2;
DROP VIEW vw;
CREATE TABLE IF NOT EXISTS x (id INT PRIMARY KEY);
DROP TABLE IF EXISTS nothing;
-- the captured database from there
CREATE TABLE @DB.late (id INT PRIMARY KEY, w INT);
INSERT INTO @DB.late VALUES (1, 1);
ALTER TABLE @DB.late ADD COLUMN x INT;
USE @DB;
ALTER TABLE t ADD COLUMN n INT;
INSERT INTO t VALUES (2, 'b', 2);
-- tables of both
RENAME TABLE gone TO @DB_aside.went;
ALTER TABLE @DB_aside.went ADD COLUMN n INT;
RENAME TABLE @DB_aside.zz TO come;
INSERT INTO come (id, n, u) VALUES (7, 'g', 7);
ALTER TABLE @DB_aside.back RENAME TO back;
INSERT INTO back VALUES (1);
RENAME TABLE swap TO @DB_aside.swap0, @DB_aside.swapped TO swap;
INSERT INTO swap VALUES (2, 'b', 2);
DROP TABLE plain, @DB_aside.t, Zebra;
DROP TABLE late, @DB_aside.liked;
-- databases
CREATE DATABASE @DB_new CHARACTER SET latin1;
CREATE TABLE @DB_new.n (id INT PRIMARY KEY, v VARCHAR(10));
ALTER DATABASE @DB_new CHARACTER SET utf8mb4;
CREATE TABLE @DB_new.n2 (id INT PRIMARY KEY, v VARCHAR(10));
DROP DATABASE @DB_new;
DROP DATABASE IF EXISTS @DB_nothing;
CREATE DATABASE IF NOT EXISTS @DB_aside;
-- the server's own
CREATE TABLE mysql.@DB_of_firn (id INT PRIMARY KEY) CHARACTER SET latin1;
ALTER TABLE mysql.@DB_of_firn ADD COLUMN n INT;
DROP TABLE mysql.@DB_of_firn;
-- what is no table
CREATE EVENT @DB_aside.ev ON SCHEDULE EVERY 1 YEAR DISABLE DO SELECT 1;
DROP EVENT @DB_aside.ev;
CREATE EVENT ev ON SCHEDULE EVERY 1 YEAR DISABLE DO SELECT 1;
DROP EVENT ev;
CREATE SERVER @DB_srv FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1');
DROP SERVER @DB_srv;
FLUSH TABLES;
CREATE INDEX i ON t (v);
CREATE TABLE IF NOT EXISTS @DB_aside.x (id INT PRIMARY KEY);
CREATE UNIQUE INDEX i2 ON @DB_aside.x (n);
CREATE USER IF NOT EXISTS nobody_of_@DB;
DROP USER nobody_of_@DB;
CREATE FUNCTION @DB_aside.f() RETURNS INT DETERMINISTIC RETURN 1;
DROP FUNCTION @DB_aside.f;
ANALYZE TABLE @DB_aside.x;
USE mysql;
DROP DATABASE @DB_aside;
DROP DATABASE `@DB-dash`;
USE @DB;
INSERT INTO t VALUES (3, 'c', 3);
