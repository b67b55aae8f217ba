package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/firn-cdc/firn/pkg/checkpoint"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/debezium"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/mysql"
	"github.com/firn-cdc/firn/pkg/reader"
)

var errCheck = errors.New("not everything is as it must be")

// check says of each thing that firn needs whether it is there, and what to do
// if not.
func check(ctx context.Context, c *config.Reader, log *slog.Logger) (err error) {
	failed := false
	say := func(name string, err error) {
		if err != nil {
			failed = true
			fmt.Fprintf(os.Stdout, "%-24s %v\n", name, err)
			return
		}
		fmt.Fprintf(os.Stdout, "%-24s ok\n", name)
	}
	conn, connErr := mysql.Connect(ctx, mysqlOf(c))
	say("mysql", connErr)
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
			failed = failed || !p.Notice
			fmt.Fprintf(os.Stdout, "%-24s %s\n%-24s -> %s\n", p.Name, p.Message, "", p.Fix)
		}
		switch {
		case len(tables) == 0:
			say("capture", errors.New("no table matches the include and exclude lists, or the user may see none: GRANT SELECT"))
		case len(problems) == 0:
			say(fmt.Sprintf("capture of %d tables", len(tables)), nil)
		}
		say("topics of tables", reader.CheckTopics(namingOf(c), c.TopicPrefix, tables))
	}
	client, openErr := kafka.Open(ctx, kafkaOf(c, log))
	say("kafka", openErr)
	if openErr == nil {
		_, err := client.Topics(ctx)
		say("kafka topics", err)
		if c.ConnectOffsetTopic != "" {
			say("offset to take over", offset(ctx, c, client))
			_, err := client.Topic(ctx, c.SchemaHistoryInternalKafkaTopic)
			say("schema history", err)
		}
		if err := client.Close(); err != nil {
			return err
		}
	}
	if schemas, err := registryOf(ctx, c); err != nil {
		say("schema registry", err)
	} else if schemas != nil {
		say("schema registry", schemas.Check(ctx))
	}
	if failed {
		return errCheck
	}
	return nil
}

// offset reports whether a Connect worker has the offset of the connector.
func offset(ctx context.Context, c *config.Reader, client *kafka.Client) error {
	_, others, ok, err := checkpoint.LoadConnect(ctx, client, c.ConnectOffsetTopic, checkpoint.Format{Name: c.Name, Prefix: c.TopicPrefix})
	switch {
	case err != nil || ok:
		return err
	case len(others) == 0:
		return fmt.Errorf("topic %s has none", c.ConnectOffsetTopic)
	default:
		return fmt.Errorf("topic %s has those of %s: give the connector's name with --name", c.ConnectOffsetTopic, strings.Join(others, ", "))
	}
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
