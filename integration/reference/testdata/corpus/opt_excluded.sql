-- Tables left out, by expressions that do not tell upper from lower case of ASCII's letters.
-- @props table.exclude.list=@DB\\.GONE, @DB\\.gone_\\d++ ,@DB\\.ärger,@DB\\.[\\p{Alpha}&&[^a-s]]+,@DB\\.(?<x>b)\\k<x>,@DB\\.(?!kept).{4}_1a
CREATE TABLE kept (id INT PRIMARY KEY);
CREATE TABLE gone (id INT PRIMARY KEY);
CREATE TABLE gone_12 (id INT PRIMARY KEY);
CREATE TABLE gone_1a (id INT PRIMARY KEY);
CREATE TABLE `Ärger` (id INT PRIMARY KEY);
CREATE TABLE tuv (id INT PRIMARY KEY);
CREATE TABLE bb (id INT PRIMARY KEY);
-- @both
INSERT INTO kept VALUES (%p);
-- @both
INSERT INTO gone VALUES (%p);
-- @both
INSERT INTO gone_12 VALUES (%p);
-- @both
INSERT INTO gone_1a VALUES (%p);
-- @both
INSERT INTO `Ärger` VALUES (%p);
-- @both
INSERT INTO tuv VALUES (%p);
-- @both
INSERT INTO bb VALUES (%p);
