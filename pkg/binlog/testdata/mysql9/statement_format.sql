-- Changes that were logged as statements: of a database nobody wants, of a table nobody wants, and of one that is wanted.
CREATE DATABASE d;
CREATE DATABASE other;
CREATE TABLE d.a (id INT PRIMARY KEY);
CREATE TABLE other.o (id INT PRIMARY KEY);
USE other;
SET SESSION binlog_format = STATEMENT;
INSERT INTO o VALUES (1);
UPDATE o SET id = 2 WHERE id = 1;
USE d;
DELETE FROM `other`.`o` WHERE id = 2;
INSERT INTO a VALUES (1);
