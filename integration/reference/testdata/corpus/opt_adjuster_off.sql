-- Years of two digits as they are.
-- @props enable.time.adjuster=false
CREATE TABLE y (id INT PRIMARY KEY, y YEAR, d DATE, dt DATETIME(6), ts TIMESTAMP NULL, dd DATE DEFAULT '0018-04-01');
-- @both
INSERT INTO y (id, y, d, dt, ts) VALUES (%p1, 18, '18-04-01', '18-04-01 12:34:56', '18-04-01 12:34:56'), (%p2, '0018', '0018-04-01', '0018-04-01 12:34:56', NULL),
 (%p3, 2018, '2018-04-01', '2018-04-01 12:34:56', NULL), (%p4, 78, '78-04-01', '78-04-01 12:34:56', NULL), (%p5, '0078', '0078-04-01', '0078-04-01 12:34:56.5', NULL);
