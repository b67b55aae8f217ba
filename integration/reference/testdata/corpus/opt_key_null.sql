-- NULL in a key, whose converter is told nothing of the value's.
-- @props message.key.columns=@DB.t:d,n
-- @props value.converter=org.apache.kafka.connect.json.JsonConverter
-- @props value.converter.replace.null.with.default=false
CREATE TABLE t (id INT PRIMARY KEY, d VARCHAR(10) DEFAULT 'default', n INT);
-- @both
INSERT INTO t VALUES (%p, NULL, NULL), (%p1, 'value', 1);
-- @stream
UPDATE t SET d = NULL;
DELETE FROM t WHERE id = 1;
