-- The table of signals is captured whatever the lists say, but no snapshot reads its rows.
-- @props table.include.list=@DB\\.t
-- @props signal.data.collection=@DB.signals
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10));
CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048));
CREATE TABLE other (id INT PRIMARY KEY);
INSERT INTO signals VALUES ('old', 'log', '{"message": "before"}');
-- @both
INSERT INTO t VALUES (%p, 'a');
-- @both
INSERT INTO other VALUES (%p);
-- @stream
INSERT INTO signals VALUES ('new', 'log', '{"message": "while streaming"}');
DELETE FROM signals WHERE id = 'old';
ALTER TABLE other ADD n INT;
INSERT INTO t VALUES (3, 'c');
