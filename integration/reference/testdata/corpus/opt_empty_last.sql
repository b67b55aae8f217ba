-- The table that is read last has no row.
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO a VALUES (1, 'a'), (2, 'b');
-- @stream
INSERT INTO b VALUES (1, 'a');
