package keyindex

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The marker says that a directory is an index's, so that its contents may be
// removed, and how they are written.
const (
	marker   = "FIRN-KEY-INDEX"
	format   = "firn key index, format 1\n"
	lockName = "LOCK"
)

// claim makes the directory ours: created, marked and locked.
func (ix *Index) claim() error {
	if err := ix.fs.MkdirAll(ix.dir, 0o755); err != nil {
		return fmt.Errorf("create key index directory: %w", err)
	}
	names, err := ix.fs.List(ix.dir)
	if err != nil {
		return fmt.Errorf("list key index directory %s: %w", ix.dir, err)
	}
	marked := slices.Contains(names, marker)
	for _, name := range names {
		if !marked && name != lockName {
			return fmt.Errorf("directory %s is not a key index: it holds %s", ix.dir, name)
		}
	}
	if ix.lock, err = pebble.LockDirectory(ix.dir, ix.fs); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLocked, ix.dir, err)
	}
	if marked {
		err = ix.checkFormat()
	} else {
		err = ix.mark()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("claim key index directory %s: %w", ix.dir, err), ix.Close())
	}
	return nil
}

// checkFormat removes an index that is written in another form.
func (ix *Index) checkFormat() error {
	f, err := ix.fs.Open(ix.fs.PathJoin(ix.dir, marker))
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(f, 256))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if string(got) == format {
		return nil
	}
	ix.config.Logger.Warn("key index has another format and will be made again", "dir", ix.dir)
	return errors.Join(ix.wipe(), ix.mark())
}

func (ix *Index) mark() error {
	f, err := ix.fs.Create(ix.fs.PathJoin(ix.dir, marker), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(format))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	d, err := ix.fs.OpenDir(ix.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// wipe removes everything from the directory but what makes it ours.
func (ix *Index) wipe() error {
	names, err := ix.fs.List(ix.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == marker || name == lockName {
			continue
		}
		err = errors.Join(err, ix.fs.RemoveAll(ix.fs.PathJoin(ix.dir, name)))
	}
	return err
}

// unrelated reports whether an error has its cause outside of the index's
// files, so that making them again would not help.
func unrelated(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}
