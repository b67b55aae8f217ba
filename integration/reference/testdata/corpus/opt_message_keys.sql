-- Several rules for one table, expressions for columns, and columns that there are not.
-- @props message.key.columns=@DB.(two|one):b;@DB.two:a;@DB.e.*:x.*;@DB.none:nothing ; @DB.CASE:ID,v ;@DB.some:nothing,b
CREATE TABLE one (a INT PRIMARY KEY, b INT, c INT);
CREATE TABLE two (a INT, b INT, c INT PRIMARY KEY);
CREATE TABLE expr (id INT PRIMARY KEY, x2 INT, x1 VARCHAR(10), y INT);
CREATE TABLE none (id INT PRIMARY KEY, v INT);
CREATE TABLE `case` (v VARCHAR(10), id INT PRIMARY KEY);
CREATE TABLE some (id INT PRIMARY KEY, b INT);
-- @both
INSERT INTO one VALUES (%p, 5, 6);
-- @both
INSERT INTO two VALUES (%p, 5, %p6);
-- @both
INSERT INTO expr VALUES (%p, 5, 'six', 7);
-- @both
INSERT INTO none VALUES (%p, 5);
-- @both
INSERT INTO `case` VALUES ('v', %p);
-- @both
INSERT INTO some VALUES (%p, 5);
-- @stream
UPDATE expr SET y = 8;
UPDATE expr SET x1 = 'seven' WHERE id = 1;
UPDATE two SET a = 9 WHERE c = 16;
UPDATE one SET b = 7;
DELETE FROM none WHERE id = 1;
DELETE FROM `case`;
