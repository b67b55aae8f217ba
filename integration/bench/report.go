package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/firn-cdc/firn/integration/gauge"
)

// result is one figure. Names stay from version to version.
type result struct {
	Name     string   `json:"name"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Baseline *float64 `json:"baseline,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"`
}

type report struct {
	Machine string   `json:"machine"`
	Kafka   string   `json:"kafka"` // real or kfake
	Results []result `json:"results"`

	baseline func(name string) float64 // Debezium's figure in the same run, 0 if there is none
}

// add adds a figure with its counterpart.
func (r *report) add(name string, value float64, unit string) {
	r.Results = append(r.Results, r.result(name, value, unit))
	fmt.Fprintf(os.Stderr, "   %-30s %s %s (load %s)\n", name, number(value), unit, gauge.Load())
}

// raise makes value the figure of name if it is larger than the one there.
func (r *report) raise(name string, value float64, unit string) {
	for i := range r.Results {
		if r.Results[i].Name == name {
			r.Results[i] = r.result(name, max(r.Results[i].Value, value), unit)
			return
		}
	}
	r.add(name, value, unit)
}

func (r *report) result(name string, value float64, unit string) result {
	result := result{Name: name, Value: value, Unit: unit}
	if base := r.baseline(name); base > 0 {
		ratio := value / base
		result.Baseline, result.Ratio = &base, &ratio
	}
	return result
}

// print writes the table.
func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "%s; kafka: %s\n", r.Machine, r.Kafka)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "NAME\tVALUE\tUNIT\tDEBEZIUM\tRATIO\t")
	for _, r := range r.Results {
		baseline, ratio := "-", "-"
		if r.Baseline != nil {
			baseline, ratio = number(*r.Baseline), fmt.Sprintf("%.2f", *r.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", r.Name, number(r.Value), r.Unit, baseline, ratio)
	}
	return w.Flush()
}

func number(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// write writes the file.
func (r *report) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// machine says where the figures are from.
func machine(database string) string {
	return fmt.Sprintf("%s, %d cores, %s, %s, %s %s/%s, load %s at start",
		field("/proc/cpuinfo", "model name"), runtime.NumCPU(), field("/proc/meminfo", "MemTotal"), database,
		runtime.Version(), runtime.GOOS, runtime.GOARCH, gauge.Load())
}

func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
