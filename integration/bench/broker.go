package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/firn-cdc/firn/integration/server"
)

// serveBroker is a broker until standard input ends, as it does with whoever
// started this process.
func serveBroker(ctx context.Context) error {
	broker, err := server.StartBroker(1, server.ForJava())
	if err != nil {
		return err
	}
	defer broker.Stop()
	fmt.Println(broker.Addr)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // nothing comes
	}()
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}

// startBroker starts the broker of the options. kind is what the results say of
// it, stop ends it.
func startBroker(ctx context.Context, o *options) (addr, kind string, stop func() error, err error) {
	switch o.kafka {
	case "kfake":
		addr, stop, err = startFake(ctx)
		return addr, "kfake", stop, err
	case "real":
		kafka, err := server.StartKafka(ctx, filepath.Join(o.dir, "kafka"), 1)
		if err != nil {
			return "", "", nil, err
		}
		return kafka.Addr, "real", kafka.Stop, nil
	default:
		return o.kafka, "real", func() error { return nil }, nil
	}
}

// startFake runs this program as a broker, so that its work is not counted as
// that of anything that is measured.
func startFake(ctx context.Context) (addr string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, brokerCommand)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the broker: %w", err)
	}
	stop = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("start the broker: %w", err), stop())
	}
	return strings.TrimSpace(line), stop, nil
}
