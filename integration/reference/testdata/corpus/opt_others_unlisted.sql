-- No list of databases: those of the server's own, and ones that come and go.
-- @sole
-- @props database.include.list=
-- @props table.include.list=@DB\\.t
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
CREATE DATABASE @DB_aside;
CREATE TABLE @DB_aside.a (id INT PRIMARY KEY);
INSERT INTO t VALUES (1, 'a');
-- @stream
ALTER TABLE @DB_aside.a ADD COLUMN n INT;
CREATE DATABASE @DB_new;
DROP DATABASE @DB_new;
CREATE TABLE mysql.@DB_of_firn (id INT PRIMARY KEY);
DROP TABLE mysql.@DB_of_firn;
DROP DATABASE @DB_aside;
INSERT INTO t VALUES (2, 'a');
