//go:build integration

package server_test

import (
	"database/sql"
	"net"
	"path/filepath"
	"testing"

	_ "github.com/go-sql-driver/mysql" // Debezium fails on a server without any transaction

	"github.com/firn-cdc/firn/integration/server"
)

// A connector streams again after its worker has ended, after it was killed,
// and after it was stopped itself; its offset outlives all of them.
func TestConnect_ConnectorsOutliveTheirWorker(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := server.StartDatabase(ctx, server.MySQL8, filepath.Join(dir, "database"))
	must(err)
	defer db.Stop()
	client, err := sql.Open("mysql", db.DSN())
	must(err)
	defer client.Close()
	_, err = client.ExecContext(ctx, "CREATE DATABASE d")
	must(err)
	kafka, err := server.StartKafka(ctx, filepath.Join(dir, "kafka"), 1)
	must(err)
	defer kafka.Stop()
	worker, err := server.StartConnect(ctx, filepath.Join(dir, "connect"), kafka.Addr, db.Kind, server.StartsFast)
	must(err)
	defer worker.Stop()
	host, port, err := net.SplitHostPort(db.Addr)
	must(err)
	must(worker.Create(ctx, map[string]string{
		"name": "c", "connector.class": "io.debezium.connector.mysql.MySqlConnector", "topic.prefix": "p",
		"database.hostname": host, "database.port": port, "database.user": server.DebeziumUser, "database.password": server.Password,
		"database.server.id": "77", "topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1",
		"schema.history.internal.kafka.bootstrap.servers": kafka.Addr, "schema.history.internal.kafka.topic": "h",
	}))
	must(worker.Streaming(ctx, "c"))
	must(worker.End())
	must(worker.Start(ctx))
	must(worker.Streaming(ctx, "c"))
	must(worker.Kill())
	must(worker.Start(ctx))
	must(worker.Streaming(ctx, "c"))
	must(worker.StopConnector(ctx, "c"))
	offset, err := worker.Offset(ctx, "c")
	must(err)
	if offset == nil {
		t.Error("the offset of the connector is gone")
	}
	must(worker.Resume(ctx, "c"))
	must(worker.Streaming(ctx, "c"))
}
