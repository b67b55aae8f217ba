package server

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Root returns the folder of the project's source.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Script runs a script of the scripts folder and returns the line it prints. One
// process at a time runs it: what it puts into the cache the others find there.
func Script(ctx context.Context, name string, args ...string) (string, error) {
	unlock, err := lock(name)
	if err != nil {
		return "", fmt.Errorf("scripts/%s: %w", name, err)
	}
	defer unlock()
	cmd := exec.CommandContext(ctx, filepath.Join(Root(), "scripts", name), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/%s %s: %w:\n%s", name, strings.Join(args, " "), err, tail(stderr.Bytes(), 2000))
	}
	return strings.TrimSpace(string(out)), nil
}

// lock waits until no other process has the lock of a name.
func lock(name string) (unlock func(), err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "firn")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}

func unpacked(ctx context.Context, kind Kind) (string, error) {
	return Script(ctx, "database", string(kind))
}

// freePort picks one below those that the system gives to outgoing connections,
// so that none of them takes it before the server does.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	var last error
	for range 100 {
		port := 16384 + rand.IntN(16384)
		listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}
