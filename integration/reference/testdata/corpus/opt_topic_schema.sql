-- The strategy of other connectors: a database of MySQL's is no schema.
-- @props topic.naming.strategy=io.debezium.schema.SchemaTopicNamingStrategy
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10));
-- @both
INSERT INTO t VALUES (%p, 'a');
-- @stream
UPDATE t SET v = 'b' WHERE id = 1;
DELETE FROM t WHERE id = 2;
