package cases

import (
	"maps"
	"testing"

	"github.com/firn-cdc/firn/integration/pipeline"
	"github.com/firn-cdc/firn/integration/walkthrough"
)

// begin readies a fixture for the story: an empty database, and the names.
func begin(f *fixture) {
	f.exec("DROP DATABASE IF EXISTS " + walkthrough.Database)
	f.Tables = `salesdb\.customer`
	f.TableMaps = []string{walkthrough.TableMap}
}

func (f *fixture) step(step walkthrough.Step) {
	f.t.Helper()
	for _, check := range step.Checks {
		f.eventually(walkthrough.Target, check.SQL, check.Rows...)
	}
	f.same(walkthrough.Source, walkthrough.Target)
}

func (f *fixture) operations(want map[string]int) {
	f.t.Helper()
	records, err := pipeline.ReadTopic(f.t.Context(), f.Broker, f.Prefix+"."+walkthrough.Source)
	f.must(err)
	got, err := pipeline.Operations(records)
	f.must(err)
	if !maps.Equal(got, want) {
		f.t.Errorf("kafka holds %v, want %v", got, want)
	}
}

func TestWalkThrough(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		begin(f)
		for i, step := range walkthrough.Steps() {
			f.exec(step.Statements...)
			if i == 0 {
				f.start()
			}
			f.step(step)
			f.operations(step.Operations)
		}
	})
}

// Killing both processes between any two statements changes nothing.
func TestWalkThrough_KilledBetweenStatements(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		begin(f)
		steps := walkthrough.Steps()
		f.exec(steps[0].Statements...)
		f.start()
		for i, step := range steps {
			for _, statement := range step.Statements {
				if i == 0 {
					break
				}
				f.exec(statement)
				f.must(f.Reader.Kill())
				f.killApplier()
				f.start()
			}
			f.step(step)
		}
		f.operations(steps[len(steps)-1].Operations)
	})
}

// An applier that starts after the story reads three-column and then
// four-column events, and arrives at the same table.
func TestWalkThrough_AppliedLate(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		begin(f)
		steps := walkthrough.Steps()
		f.exec(steps[0].Statements...)
		f.must(f.StartReader(t.Context()))
		f.must(f.Reader.Ready(t.Context()))
		for _, step := range steps[1:] {
			f.exec(step.Statements...)
		}
		f.must(f.StartApplier(t.Context()))
		f.step(steps[len(steps)-1])
		f.operations(steps[len(steps)-1].Operations)
	})
}

// Two appliers in one group share the work and leave the same table.
func TestWalkThrough_TwoAppliers(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		begin(f)
		steps := walkthrough.Steps()
		f.exec(steps[0].Statements...)
		f.start()
		second, err := f.AnotherApplier(t.Context(), "index2")
		f.must(err)
		for i, step := range steps {
			if i > 0 {
				f.exec(step.Statements...)
			}
			f.step(step)
		}
		f.killApplier()
		f.Applier = second
		f.exec("DELETE FROM salesdb.customer WHERE id = 1")
		f.eventually(walkthrough.Target, "SELECT count(*) FROM {table}", "29")
		f.same(walkthrough.Source, walkthrough.Target)
	})
}

// SIGTERM drains: what was read is committed, and nothing is read twice.
func TestWalkThrough_StoppedAndStarted(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		begin(f)
		steps := walkthrough.Steps()
		f.exec(steps[0].Statements...)
		f.start()
		f.step(steps[0])
		for _, step := range steps[1:] {
			f.must(f.Stop())
			f.exec(step.Statements...)
			f.start()
			f.step(step)
			f.operations(step.Operations)
		}
	})
}
