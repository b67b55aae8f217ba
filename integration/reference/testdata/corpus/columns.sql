-- Columns left out, masked, hashed, shortened and described; keys of their own. The key is never masked.
CREATE TABLE c (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, secret VARCHAR(30), hash1 VARCHAR(80), hash2 CHAR(10), short1 VARCHAR(40) DEFAULT 'abcdefgh', gone INT, t TEXT, n DECIMAL(8,2), b VARBINARY(10));
CREATE TABLE k (tenant VARCHAR(10), email VARCHAR(40) NOT NULL, id INT PRIMARY KEY, v INT);
CREATE TABLE mk (a VARCHAR(10), b INT, secret VARCHAR(5), PRIMARY KEY (a, b));
CREATE TABLE nokey (x INT, y VARCHAR(10));
-- @both
INSERT INTO c VALUES (%p1, 'one', 'hidden', 'hash me', 'hash', 'shorten this text', 5, 'text', 12.5, 'bytes'), (%p2, 'é中😀x', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (%p3, '', '', '', '', '', 0, '', 0, '');
-- @both
INSERT INTO k VALUES ('t%p', 'a@b', %p1, 1), (NULL, 'c@d', %p2, 2);
-- @both
INSERT INTO mk VALUES ('abcdef%p', 1, 'xyz');
-- @both
INSERT INTO nokey VALUES (%p, 'a');
-- @stream
UPDATE c SET gone = 77 WHERE id = 11;
UPDATE c SET secret = 'other', name = 'changed' WHERE id = 11;
UPDATE k SET tenant = 'moved' WHERE id = 11;
UPDATE k SET v = 9 WHERE id = 12;
DELETE FROM k WHERE id = 12;
UPDATE mk SET secret = 'new' WHERE b = 1;
UPDATE mk SET a = 'other' WHERE a = 'abcdef1';
DELETE FROM c WHERE id = 13;
UPDATE nokey SET y = 'b';
