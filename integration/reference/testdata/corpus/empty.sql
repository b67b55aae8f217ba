-- Tables without a row: which record is the last one of the snapshot.
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20));
-- @stream
INSERT INTO b VALUES (1, 'a');
