-- @props include.schema.comments=true
CREATE TABLE cm (id INT PRIMARY KEY COMMENT 'the key', v INT COMMENT 'it''s a value', w INT) COMMENT='a table';
INSERT INTO cm VALUES (1, 1, 1);
-- @stream
INSERT INTO cm VALUES (2, 2, 2);
ALTER TABLE cm ADD COLUMN x INT COMMENT 'added';
INSERT INTO cm VALUES (3, 3, 3, 3);
ALTER TABLE cm COMMENT = 'another comment';
CREATE TABLE cs (id INT PRIMARY KEY COMMENT 'k') COMMENT 'streamed';
INSERT INTO cs VALUES (1);
