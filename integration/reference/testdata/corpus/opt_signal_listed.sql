-- The same where a list has it.
-- @props table.include.list=@DB\\..*
-- @props signal.data.collection=@DB.signals
CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10));
CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048));
INSERT INTO signals VALUES ('old', 'log', '{"message": "before"}');
-- @both
INSERT INTO a VALUES (%p, 'a');
-- @stream
INSERT INTO signals VALUES ('new', 'log', '{"message": "while streaming"}');
