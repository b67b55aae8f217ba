package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/google/uuid"
)

// CheckWarehouse writes a small object below the warehouse, reads it and deletes
// it. Where the catalog decides on places and rights, table by table, it does
// nothing.
func (c *Catalog) CheckWarehouse(ctx context.Context) error {
	if c.warehouse == "" {
		return nil
	}
	object := c.warehouse + "/firn-check-" + uuid.NewString()
	fs, err := c.fileIO(ctx, object)
	if err != nil {
		return err
	}
	files, ok := fs.(icebergio.WriteFileIO)
	if !ok {
		return fmt.Errorf("the warehouse %s cannot be written: its file io is %T", c.warehouse, fs)
	}
	text := []byte("written by the check command of firn-applier, which deletes it\n")
	if err := files.WriteFile(object, text); err != nil {
		return c.denied("write", "s3:PutObject", object, err)
	}
	err = c.denied("read", "s3:GetObject", object, same(files, object, text))
	return errors.Join(err, c.denied("delete", "s3:DeleteObject", object, files.Remove(object)))
}

// denied says what right may be missing.
func (c *Catalog) denied(do, right, object string, err error) error {
	if err == nil {
		return nil
	}
	remedy := "this user must be allowed to " + do + " files below --warehouse"
	if strings.HasPrefix(c.warehouse, "s3://") {
		remedy = "this role needs " + right + " below --warehouse, and the rights on the key that encrypts it"
	}
	return fmt.Errorf("%s %s: %w; %s", do, object, err, remedy)
}

// same fails unless an object holds the text.
func same(files icebergio.IO, object string, text []byte) (err error) {
	f, err := files.Open(object)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var got bytes.Buffer
	if _, err := got.ReadFrom(f); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), text) {
		return errors.New("it is not what was written")
	}
	return nil
}
