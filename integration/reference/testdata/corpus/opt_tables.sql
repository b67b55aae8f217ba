-- Some tables of a database: what is published of the others' definitions.
-- @props table.include.list=@DB\\.(a|b|later)
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE other (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO a VALUES (1, 'a');
INSERT INTO other VALUES (1, 'a');
-- @stream
ALTER TABLE other ADD COLUMN n INT DEFAULT 3;
ALTER TABLE a ADD COLUMN n INT DEFAULT 3;
INSERT INTO a (id, v) VALUES (2, 'b');
INSERT INTO other (id, v) VALUES (2, 'b');
CREATE TABLE other2 (id INT PRIMARY KEY);
CREATE TABLE later (id INT PRIMARY KEY, w INT);
INSERT INTO later VALUES (1, 1);
DROP TABLE other2;
RENAME TABLE other TO other3;
RENAME TABLE other3 TO later2;
TRUNCATE TABLE later2;
DROP TABLE b, later2;
