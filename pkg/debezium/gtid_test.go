package debezium_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// TestGTIDSet runs the commands in testdata/gtidset.
func TestGTIDSet(t *testing.T) {
	datadriven.RunTest(t, "testdata/gtidset", func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "parse":
			set, err := debezium.ParseGTIDSet(d.CmdArgs[0].Key, d.Input)
			if err != nil {
				return fmt.Sprintf("error: %v\n", err)
			}
			return printed(set) + "\n"
		case "add":
			var start string
			d.MaybeScanArgs(t, "set", &start)
			set := parsed(t, start)
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				if err := set.Add(strings.TrimSpace(line)); err != nil {
					fmt.Fprintf(&out, "error: %v\n", err)
					continue
				}
				fmt.Fprintln(&out, printed(set))
			}
			return out.String()
		case "compare":
			lines := strings.Fields(d.Input)
			a, b := parsed(t, lines[0]), parsed(t, lines[1])
			for _, arg := range d.CmdArgs {
				set := map[string]*debezium.GTIDSet{"add-a": &a, "add-b": &b}[arg.Key]
				if err := set.Add(arg.Vals[0]); err != nil {
					t.Fatal(err)
				}
			}
			return fmt.Sprintf("a contains b: %t\nb contains a: %t\nunion: %s\na minus b: %s\nb minus a: %s\n",
				a.Contains(b), b.Contains(a), printed(a.Union(b)), printed(a.Minus(b)), printed(b.Minus(a)))
		default:
			return fmt.Sprintf("unknown command %q\n", d.Cmd)
		}
	})
}

func TestGTIDSet_Add(t *testing.T) {
	t.Run("a copy does not see what its original gains", func(t *testing.T) {
		for _, gtids := range [][]string{
			{uuid1 + ":4", uuid1 + ":5", uuid1 + ":9", uuid2 + ":1", uuid1 + ":6", uuid1 + ":t:1", uuid1 + ":7", uuid1 + ":8"},
			{"0-1-5", "0-1-6", "1-1-1", "0-2-7", "3-1-1", "1-1-2"},
		} {
			var set debezium.GTIDSet
			var copies []debezium.GTIDSet
			var texts []string
			for _, gtid := range gtids {
				if err := set.Add(gtid); err != nil {
					t.Fatal(err)
				}
				copies, texts = append(copies, set), append(texts, set.String())
			}
			for i := range copies {
				fork := copies[i]
				if err := fork.Add(gtids[0]); err != nil {
					t.Fatal(err)
				}
				if got := copies[i].String(); got != texts[i] {
					t.Errorf("copy %d: got %s, want %s", i, got, texts[i])
				}
			}
		}
	})
	t.Run("the next transaction of a source allocates nothing", func(t *testing.T) {
		gtids := make([]string, 0, 1001)
		for i := range cap(gtids) {
			gtids = append(gtids, fmt.Sprintf("%s:%d", uuid1, 11+i))
		}
		set := parsed(t, uuid1+":1-10,"+uuid2+":1-10")
		i := 0
		if n := testing.AllocsPerRun(1000, func() {
			if err := set.Add(gtids[i]); err != nil {
				t.Fatal(err)
			}
			i++
		}); n != 0 {
			t.Errorf("got %v allocations, want 0", n)
		}
		if got, want := set.String(), uuid1+":1-1011,"+uuid2+":1-10"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("any order of additions is the set of them", func(t *testing.T) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		for range 200 {
			var set debezium.GTIDSet
			var all []string
			has := map[string]bool{}
			for range 60 {
				gtid := fmt.Sprintf("%s:%d", []string{uuid1, uuid2, uuid1 + ":t"}[r.IntN(3)], 1+r.IntN(30))
				all, has[gtid] = append(all, gtid), true
				if err := set.Add(gtid); err != nil {
					t.Fatal(err)
				}
			}
			want := parsed(t, strings.Join(all, ","))
			if !set.Equal(want) || !set.Contains(want) || !want.Contains(set) {
				t.Fatalf("seed %d: got %s, want %s", seed, set, want)
			}
			for _, source := range []string{uuid1, uuid2, uuid1 + ":t"} {
				for n := range 32 {
					gtid := fmt.Sprintf("%s:%d", source, n)
					if set.ContainsGTID(gtid) != has[gtid] {
						t.Fatalf("seed %d: ContainsGTID(%s) = %t", seed, gtid, !has[gtid])
					}
				}
			}
		}
	})
}

func FuzzParseGTIDSet(f *testing.F) {
	f.Add("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7:tag:1-3,\n3E11FA47-71CA-11E1-9E33-C80AA9429561:9", uuid1+":t:1-2")
	f.Add("0-1-5,1-2-7", "0-2-6")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, flavor := range []string{debezium.FlavorMySQL, debezium.FlavorMariaDB} {
			x, err := debezium.ParseGTIDSet(flavor, a)
			if err != nil {
				continue
			}
			again, err := debezium.ParseGTIDSet(flavor, x.String())
			if err != nil || !again.Equal(x) {
				t.Fatalf("%q prints as %q: %v", a, x, err)
			}
			y, err := debezium.ParseGTIDSet(flavor, b)
			if err != nil {
				continue
			}
			union := x.Union(y)
			if !union.Contains(x) || !union.Contains(y) {
				t.Fatalf("union of %s and %s is %s", x, y, union)
			}
			if minus := x.Minus(y); !x.Contains(minus) || !minus.Union(y).Equal(union) {
				t.Fatalf("%s minus %s is %s", x, y, minus)
			}
		}
	})
}

func BenchmarkGTIDSet_Add(b *testing.B) {
	set := parsed(b, uuid1+":1-10,"+uuid2+":1-10")
	gtid := []byte(uuid1 + ":1000000000")
	b.ReportAllocs()
	for b.Loop() {
		for i := len(gtid) - 1; ; i-- {
			if gtid[i]++; gtid[i] <= '9' {
				break
			}
			gtid[i] = '0'
		}
		if err := set.Add(string(gtid)); err != nil {
			b.Fatal(err)
		}
	}
}

const (
	uuid1 = "00000000-0000-0000-0000-000000000001"
	uuid2 = "00000000-0000-0000-0000-000000000002"
)

func parsed(t testing.TB, s string) debezium.GTIDSet {
	t.Helper()
	flavor := debezium.FlavorMySQL
	if s != "" && !strings.Contains(s, ":") {
		flavor = debezium.FlavorMariaDB
	}
	set, err := debezium.ParseGTIDSet(flavor, s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func printed(set debezium.GTIDSet) string {
	if set.IsEmpty() {
		return "empty"
	}
	return set.String()
}
