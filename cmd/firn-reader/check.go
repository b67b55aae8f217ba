package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/firn-cdc/firn/cmd/internal/process"
	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/reader"
)

// check says of each thing that firn needs whether it is there, and what to do
// if not.
func check(ctx context.Context, c *config.Reader, log *slog.Logger) (err error) {
	list := process.NewChecklist(os.Stdout)
	conn, connErr := mysql.Connect(ctx, mysqlOf(c))
	list.Say("mysql", connErr)
	if connErr == nil {
		defer func() { err = errors.Join(err, conn.Close()) }()
		tables, err := captured(ctx, conn, c)
		if err != nil {
			return err
		}
		problems, err := conn.Check(ctx, tables, mysql.CheckOptions{AllowFKCascade: c.AllowFKCascade, Replica: replicaOf(c)})
		if err != nil {
			return err
		}
		for _, p := range problems {
			list.Advise(p.Name, p.Message, p.Fix, p.Notice)
		}
		switch {
		case len(tables) == 0:
			list.Say("capture", errors.New("no table matches the include and exclude lists, or the user may see none: GRANT SELECT"))
		case len(problems) == 0:
			list.Say(fmt.Sprintf("capture of %d tables", len(tables)), nil)
		}
		list.Say("topics of tables", reader.CheckTopics(namingOf(c), c.TopicPrefix, tables))
	}
	client, openErr := kafka.Open(ctx, kafkaOf(c, log))
	list.Say("kafka", openErr)
	if openErr == nil {
		_, err := client.Topics(ctx)
		list.Say("kafka topics", err)
		if c.ConnectOffsetTopic != "" {
			_, err := checkpoint.LoadConnect(ctx, client, c.ConnectOffsetTopic, checkpoint.Format{Name: c.Name, Prefix: c.TopicPrefix})
			list.Say("offset to take over", err)
			_, err = client.Topic(ctx, c.SchemaHistoryInternalKafkaTopic)
			list.Say("schema history", err)
		}
		if err := client.Close(); err != nil {
			return err
		}
	}
	schemas, err := registryOf(ctx, c)
	list.Registry(ctx, schemas, err)
	return list.Err()
}

// plan prints what would be captured, and where it would go.
func plan(ctx context.Context, c *config.Reader) (err error) {
	conn, err := mysql.Connect(ctx, mysqlOf(c))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tables, err := captured(ctx, conn, c)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TABLE\tTOPIC\tROWS (about)\tCHUNKS (at most)")
	for _, id := range tables {
		rows, _, err := conn.RowEstimate(ctx, id)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", id, namingOf(c).Table(c.TopicPrefix, id), rows, rows/int64(c.SnapshotChunkRows)+1)
	}
	return w.Flush()
}

func captured(ctx context.Context, conn *mysql.Conn, c *config.Reader) ([]debezium.TableID, error) {
	all, err := conn.Tables(ctx)
	if err != nil {
		return nil, err
	}
	tables := all[:0]
	for _, id := range all {
		if c.Table(id.Database, id.Table) {
			tables = append(tables, id)
		}
	}
	return tables, nil
}
