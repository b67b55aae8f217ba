-- TinyIntOneToBooleanConverter: every TINYINT(1), wherever it stands.
-- @props converters=flags
-- @props flags.type=io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter
CREATE TABLE t (id INT PRIMARY KEY, a TINYINT(1), b TINYINT(1) NOT NULL, c TINYINT(1) DEFAULT 1, d TINYINT(1) NOT NULL DEFAULT '0', e TINYINT(1) NOT NULL DEFAULT 5,
  f TINYINT(1) UNSIGNED, g TINYINT, h TINYINT(4), i BOOLEAN, j BOOL NOT NULL DEFAULT TRUE, k TINYINT(1) ZEROFILL, l SMALLINT, m BIT(1), n TINYINT(1) DEFAULT NULL, o TINYINT(1) NOT NULL DEFAULT -1);
CREATE TABLE k (f TINYINT(1) NOT NULL, g TINYINT(1) NOT NULL DEFAULT 1, v INT, PRIMARY KEY (f, g));
-- @both
INSERT INTO t VALUES (%p01, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
-- @both
INSERT INTO t VALUES (%p02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
-- @both
INSERT INTO t VALUES (%p03, -1, -1, -1, -1, -1, 255, -1, -1, -1, -1, 200, -1, 1, -128, -1);
-- @both
INSERT INTO t VALUES (%p04, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 0, 127, 127);
-- @both
INSERT INTO t (id, b) VALUES (%p05, 1);
-- @both
INSERT INTO t VALUES (%p06, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 0);
-- @both
INSERT INTO k VALUES (%p, 0, 1), (-%p, 1, 2);
-- @stream
UPDATE t SET a = 1, i = 0 WHERE id = 102;
CREATE TABLE s (id INT PRIMARY KEY, a TINYINT(1), b BOOLEAN NOT NULL DEFAULT TRUE, c BOOL, d TINYINT(1) UNSIGNED NOT NULL DEFAULT 1, e INT1, f TINYINT(1) ZEROFILL, g TINYINT(2));
INSERT INTO s VALUES (1, 1, 1, 1, 1, 1, 1, 1), (2, 0, 0, 0, 0, 0, 0, 0), (3, -1, -1, -1, 200, -1, 200, -1), (4, NULL, 0, NULL, 0, NULL, NULL, NULL);
ALTER TABLE s ADD h TINYINT(1) NOT NULL DEFAULT 1, MODIFY g TINYINT(1);
INSERT INTO s (id) VALUES (5);
