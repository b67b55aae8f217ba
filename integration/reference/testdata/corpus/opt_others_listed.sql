-- A database that is listed, none of whose tables is captured, and tables without a row: nothing is left to read.
-- @sole
-- @props database.include.list=@DB,@DB_listed
-- @props table.include.list=@DB\\.(t|u)
CREATE DATABASE @DB_listed;
CREATE TABLE @DB_listed.a (id INT PRIMARY KEY);
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(20));
-- @stream
ALTER TABLE @DB_listed.a ADD COLUMN n INT;
INSERT INTO t VALUES (1, 'a');
DROP DATABASE @DB_listed;
