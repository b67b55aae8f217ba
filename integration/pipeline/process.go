// Package pipeline runs firn's two binaries as a user does: processes with
// flags, watched over HTTP, ended by a signal or killed.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/firn-cdc/firn/integration/server"
)

// Process is one running firn binary.
type Process struct {
	Name string
	URL  string // of its HTTP endpoints
	Log  string // the file that its output goes to

	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Binary returns the path of a binary that `make build` built.
func Binary(name string) string { return filepath.Join(server.Root(), "bin", name) }

// Start starts the binary called name with args and an HTTP address of its
// own. Its output is appended to name.log in dir.
func Start(ctx context.Context, dir, name string, env []string, args ...string) (*Process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	p := &Process{Name: name, URL: "http://" + addr, Log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), Binary(name), append(args, "--http-listen="+addr)...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (make build makes it): %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited returns a channel that is closed once the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.done }

// ExitCode returns the code that an ended process returned, -1 if a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Kill ends the process with SIGKILL and waits for its end.
func (p *Process) Kill() error { return p.signal(syscall.SIGKILL) }

// Stop ends the process with SIGTERM, waits for its end and returns an error
// if it did not drain and exit with 0.
func (p *Process) Stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if p.err != nil {
		return fmt.Errorf("%s on SIGTERM: %w\n%s", p.Name, p.err, p.Tail())
	}
	return nil
}

func (p *Process) signal(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("%s did not end within a minute of %s", p.Name, signal)
	}
}

// Ready waits until /readyz answers 200.
func (p *Process) Ready(ctx context.Context) error {
	last := "no answer yet"
	err := Wait(ctx, 50*time.Millisecond, func() (bool, error) {
		select {
		case <-p.done:
			return false, fmt.Errorf("%s ended: %w\n%s", p.Name, errors.Join(p.err, nil), p.Tail())
		default:
		}
		code, body, err := p.Get(ctx, "/readyz")
		if err == nil {
			last = body
		}
		return err == nil && code == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("wait until %s is ready: %w; it says: %s", p.Name, err, last)
	}
	return nil
}

// Get asks one of the process's endpoints.
func (p *Process) Get(ctx context.Context, path string) (code int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// Tail returns the end of the process's output.
func (p *Process) Tail() string {
	log, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}

// Wait calls done every interval until it returns true, an error, or ctx ends.
func Wait(ctx context.Context, interval time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func freeAddr(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
