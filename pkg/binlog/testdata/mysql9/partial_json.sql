-- An update that holds parts of a document only.
CREATE DATABASE d;
USE d;
CREATE TABLE a (id INT PRIMARY KEY, j JSON);
SET SESSION binlog_row_value_options = PARTIAL_JSON;
INSERT INTO a VALUES (1, '{"a": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "b": 1}');
UPDATE a SET j = JSON_SET(j, '$.b', 2);
