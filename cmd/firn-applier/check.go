package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/firn-cdc/firn/cmd/internal/process"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/kafka"
	"github.com/firn-cdc/firn/pkg/lake"
)

// check says of each thing that firn needs whether it is there, and what is
// wrong if not.
func check(ctx context.Context, c *config.Applier, log *slog.Logger) error {
	list := process.NewChecklist(os.Stdout)
	catalog, catalogErr := lake.OpenCatalog(ctx, lakeOf(c, log))
	if catalogErr == nil {
		defer func() { _ = catalog.Close() }() // all of it is done
		catalogErr = catalog.Check(ctx)
	}
	list.Say("catalog", catalogErr)
	if catalogErr == nil {
		list.Say("warehouse", catalog.CheckWarehouse(ctx))
	}
	client, err := kafka.Open(ctx, kafkaOf(c, log))
	list.Say("kafka", err)
	if err == nil {
		defer func() { _ = client.Close() }() // it only read
		settings, err := applierOf(ctx, c, client, catalog, log)
		if err != nil {
			return err
		}
		topics, err := client.Topics(ctx)
		if topics = settings.DataTopics(topics); err == nil && len(topics) == 0 {
			err = errors.New("no topic of a table: is --topic-prefix (or --topics) right, may this user describe them, has the reader begun?")
		}
		list.Say(fmt.Sprintf("%d topics", len(topics)), err)
		if catalogErr == nil {
			list.Say("names of tables", settings.CheckNames(topics))
		}
	}
	schemas, err := registryOf(ctx, c)
	list.Registry(ctx, schemas, err)
	return list.Err()
}

// plan prints what would be applied, and where it would go.
func plan(ctx context.Context, c *config.Applier, log *slog.Logger) (err error) {
	client, catalog, err := open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, catalog.Close(), client.Close()) }()
	settings, err := applierOf(ctx, c, client, catalog, log)
	if err != nil {
		return err
	}
	all, err := client.Topics(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOPIC\tPARTITIONS\tTABLE\tEXISTS\tMODE")
	for _, name := range settings.DataTopics(all) {
		topic, _ := settings.ParseTopic(name)
		info, err := client.Topic(ctx, name)
		if err != nil {
			return err
		}
		table, err := settings.Naming.Name(topic)
		if err != nil {
			return err
		}
		table = catalog.Fold(table)
		exists, err := catalog.Exists(ctx, table)
		if err != nil {
			return err
		}
		mode := "upsert"
		if settings.Tables(topic.ID).Append {
			mode = "append"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%t\t%s\n", name, info.Partitions, table, exists, mode)
	}
	return w.Flush()
}
