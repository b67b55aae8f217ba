-- In which order tables are read: by the list's expressions, then by name.
-- @props schema.history.internal.store.only.captured.tables.ddl=true
-- @props table.include.list=@DB\\.z.*,@DB\\.[A-Zb]+,@DB\\.a
CREATE TABLE a (id INT PRIMARY KEY);
CREATE TABLE b (id INT PRIMARY KEY);
CREATE TABLE Y (id INT PRIMARY KEY);
CREATE TABLE z1 (id INT PRIMARY KEY);
CREATE TABLE Z2 (id INT PRIMARY KEY);
INSERT INTO a VALUES (1), (2);
INSERT INTO b VALUES (1), (2);
INSERT INTO Y VALUES (1), (2);
INSERT INTO z1 VALUES (1), (2);
INSERT INTO Z2 VALUES (1), (2);
-- @stream
INSERT INTO a VALUES (3);
