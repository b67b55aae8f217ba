package reference_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the corpus is executed through it

	"github.com/firn-cdc/firn/integration/engine"
	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
)

// patience is how long one case may take.
const patience = 3 * time.Minute

var (
	labs map[server.Kind]*reference.Lab
	lake *engine.DuckDB // reads Iceberg tables
)

func TestMain(m *testing.M) {
	server.Main(m, func(ctx context.Context, s *server.Shared) (err error) {
		if lake, err = engine.OpenDuckDB(ctx); err != nil {
			return err
		}
		s.End(lake.Close)
		labs = make(map[server.Kind]*reference.Lab)
		for kind, db := range s.Databases {
			broker, err := server.StartBroker(3)
			if err != nil {
				return err
			}
			s.End(func() error { broker.Stop(); return nil })
			labs[kind] = &reference.Lab{Database: db, Broker: broker.Addr, Dir: s.Dir}
		}
		return nil
	}, "--default-time-zone=+00:00")
}

// What firn-reader publishes with a connector's configuration is what the real
// Debezium published with it.
func TestReader_PublishesWhatDebeziumDoes(t *testing.T) {
	accepted, err := reference.ReadAccepted(reference.Recorded)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/corpus/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for kind, lab := range labs {
		for _, file := range files {
			c, err := reference.ReadCase(file, kind)
			if err != nil {
				t.Fatal(err)
			}
			golden := recorded(kind, c)
			if golden == "" {
				continue
			}
			t.Run(string(kind)+"/"+c.Name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				compare(ctx, t, lab, c, golden, accepted)
			})
		}
	}
}

// recorded returns the file of what Debezium published of a case: what it
// publishes of MySQL 8 and 9 is the same, where it was not recorded on both.
func recorded(kind server.Kind, c *reference.Case) string {
	for _, k := range []server.Kind{kind, server.MySQL8, server.MySQL9} {
		if kind == server.MariaDB && k != kind {
			continue
		}
		path := filepath.Join("testdata/golden", string(k), c.Name+".jsonl")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

func compare(ctx context.Context, t *testing.T, lab *reference.Lab, c *reference.Case, golden string, accepted []*reference.Accepted) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	conn, err := lab.Prepare(ctx, c)
	must(err)
	defer conn.Close()
	must(reference.Execute(ctx, conn, c.Snapshot))
	config, err := lab.Connector(c)
	must(err)
	var stopped []reference.Difference
	read := func() {
		t.Helper()
		err := lab.Reader(ctx, c, config)
		if stop, ok := errors.AsType[*reference.StoppedError](err); ok {
			stopped = append(stopped, reference.Difference{Topic: "firn-reader", Text: stop.Error()})
			return
		}
		must(err)
	}
	read()
	must(reference.Execute(ctx, conn, c.Stream))
	read()
	got, err := lab.Records(ctx, c)
	must(err)
	want, err := reference.ReadGolden(golden)
	must(err)
	mask, err := reference.NewMask(reference.Recorded)
	must(err)
	unexpected, idle := reference.Unaccepted(accepted, string(lab.Database.Kind), c.Name, append(stopped, reference.Compare(mask, want, got)...))
	var texts []string
	for _, d := range unexpected {
		texts = append(texts, d.String())
	}
	if len(texts) > 0 {
		t.Errorf("%d differences of %d records:\n%s", len(texts), len(want), strings.Join(texts[:min(len(texts), 25)], "\n"))
	}
	for _, a := range idle {
		t.Errorf("differences.txt accepts what is no longer different: %s %s %s", a.Server, a.Case, a.Match)
	}
}
