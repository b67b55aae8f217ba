// Package gauge measures from outside: processes by what the kernel says of
// them, Iceberg tables by what their catalog and metadata say, queries by the
// clock. It uses no part of firn.
package gauge

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Process watches a process, so that its peak is known after it has ended.
type Process struct {
	pid  int
	stop chan struct{}
	done chan struct{}

	mu   sync.Mutex
	last Usage
}

// Usage is what a process has used.
type Usage struct {
	RSS  int64 // bytes, now
	Peak int64 // bytes, ever
	CPU  time.Duration
}

// Watch watches a process until Stop.
func Watch(pid int) *Process {
	p := &Process{pid: pid, stop: make(chan struct{}), done: make(chan struct{})}
	p.sample()
	go func() {
		defer close(p.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.sample()
			}
		}
	}()
	return p
}

// Stop ends watching and returns what the process had used at the last look.
func (p *Process) Stop() Usage {
	close(p.stop)
	<-p.done
	return p.Usage()
}

// Usage returns what the process had used at the last look.
func (p *Process) Usage() Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *Process) sample() {
	u, err := read(p.pid)
	if err != nil || u.Peak == 0 { // it has ended
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = u
}

func read(pid int) (u Usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u.RSS, u.Peak = kibibytes(status, "VmRSS:"), kibibytes(status, "VmHWM:")
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system, tick = 11, 12, 10 * time.Millisecond
	if len(fields) <= system {
		return u, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	for _, f := range fields[user : system+1] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(n) * tick
	}
	return u, nil
}

func kibibytes(status []byte, name string) int64 {
	_, rest, _ := bytes.Cut(status, []byte(name))
	line, _, _ := bytes.Cut(rest, []byte(" kB"))
	n, _ := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
	return n << 10
}

// Load returns the load average of the last minute.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}

// MiB returns bytes as mebibytes.
func MiB(bytes int64) float64 { return float64(bytes) / (1 << 20) }
