package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a server in a process group of its own. It ends with this process.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{}
}

// startProcess starts a program with its output in dir's file out.log.
func startProcess(ctx context.Context, name, dir, program string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, "out.log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // its state says how it ended
		close(p.done)
	}()
	return p, nil
}

// ready waits until answers returns nil. It ends the process and returns an
// error if that does not happen in time, or if the process ends before.
func (p *process) ready(ctx context.Context, answers func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at start (%s):\n%s", p.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for %s: %w:\n%s", p.name, err, p.tail()), p.stop())
		case <-tick.C:
		}
	}
}

// end asks the process to end and waits until it has, for a minute.
func (p *process) end(signal syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(time.Minute):
		return errors.Join(fmt.Errorf("%s did not end within a minute of %s:\n%s", p.name, signal, p.tail()), p.stop())
	}
}

// stop ends the process group at once: what it holds is thrown away.
func (p *process) stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	<-p.done
	return nil
}

func (p *process) tail() []byte {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return tail(log, 4000)
}

// accepts returns a check that something listens on addr.
func accepts(addr string) func(ctx context.Context) error {
	var dialer net.Dialer
	return func(ctx context.Context) error {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
