CREATE USER firn IDENTIFIED BY 'firn-for-trying';
GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO firn;
CREATE DATABASE salesdb;
CREATE TABLE salesdb.customer (id INT NOT NULL PRIMARY KEY, name VARCHAR(50), mktsegment VARCHAR(50));
INSERT INTO salesdb.customer VALUES (1, 'Customer Name 1', 'Market segment 1'), (2, 'Customer Name 2', 'Market segment 2');
