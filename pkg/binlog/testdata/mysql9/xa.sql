-- XA transactions: committed, rolled back, in one phase, still open at the end; in between a plain one.
CREATE DATABASE d;
USE d;
CREATE TABLE a (id INT PRIMARY KEY);
-- session one
USE d;
XA START 'one', 'b', 7;
INSERT INTO a VALUES (1);
INSERT INTO a VALUES (2);
XA END 'one', 'b', 7;
XA PREPARE 'one', 'b', 7;
-- session two
USE d;
XA START 'two';
INSERT INTO a VALUES (3);
XA END 'two';
XA PREPARE 'two';
-- session main
INSERT INTO a VALUES (100);
-- session three
USE d;
XA START 'three';
INSERT INTO a VALUES (4);
XA END 'three';
XA COMMIT 'three' ONE PHASE;
-- session one
XA COMMIT 'one', 'b', 7;
-- session main
INSERT INTO a VALUES (101);
-- session three
XA START 'four';
INSERT INTO a VALUES (5);
XA END 'four';
XA PREPARE 'four';
-- session two
XA ROLLBACK 'two';
-- session main
INSERT INTO a VALUES (102);
-- session three
XA COMMIT 'four';
XA START 'five';
INSERT INTO a VALUES (6);
XA END 'five';
XA PREPARE 'five';
-- session main
INSERT INTO a VALUES (103);
FLUSH BINARY LOGS;
-- session three
XA ROLLBACK 'five';
