package telemetry

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build says what a binary was made from.
type Build struct{ Version, Revision, GoVersion string }

// NewBuild returns the build of this binary. The version is given by the
// linker; where it was not, the module's stands in.
func NewBuild(version string) Build {
	b := Build{Version: version, GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "unknown")
		return b
	}
	modified := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		default:
		}
	}
	if modified {
		b.Revision += "+modified"
	}
	b.Version = cmp.Or(b.Version, info.Main.Version, "unknown")
	return b
}

// String returns the build in one line.
func (b Build) String() string {
	return fmt.Sprintf("%s (%s, %s)", b.Version, cmp.Or(b.Revision, "no revision"), b.GoVersion)
}

// NewRegistry returns a registry with the metrics of the process and of its
// build.
func NewRegistry(b Build) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "firn_build_info",
		Help:        "What the binary was made from; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "go_version": b.GoVersion},
	})
	info.Set(1)
	reg.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}
