-- Types by which columns are described, as they are matched.
-- @props datatype.propagate.source.type=.+\\.BIGINT UNSIGNED,@DB.t.decimal,.*\\.tinyint.*
CREATE TABLE t (id INT PRIMARY KEY, b BIGINT, bu BIGINT UNSIGNED, bz BIGINT(5) ZEROFILL, d DECIMAL(8,2), du DECIMAL(8,2) UNSIGNED, n NUMERIC(4), f TINYINT(1), tu TINYINT UNSIGNED, bo BOOLEAN);
-- @both
INSERT INTO t VALUES (%p, 1, 2, 3, 4, 5, 6, 7, 8, TRUE);
-- @stream
CREATE TABLE u (id INT PRIMARY KEY, bu BIGINT UNSIGNED, bz BIGINT(5) ZEROFILL, d DECIMAL(8,2), du DECIMAL(8,2) UNSIGNED, tu TINYINT UNSIGNED, bo BOOLEAN);
INSERT INTO u VALUES (1, 2, 3, 4, 5, 6, TRUE);
