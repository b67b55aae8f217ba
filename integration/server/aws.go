package server

import (
	"context"
	_ "embed" // the program that runs inside Python
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

//go:embed glue.py
var glueProgram string

// The account of the AWS stand-in; any other would do as well.
const (
	AWSRegion    = "us-east-1"
	AWSAccessKey = "firn"
	AWSSecretKey = "firn-secret"
)

// Bucket is where tables go in the AWS stand-in's S3.
const Bucket = "lake"

// AWS stands in for Glue and S3. Its Glue refuses an update of a table that
// names another version than the present one, as the real one does.
type AWS struct {
	URL string // of all services

	dir     string
	process *process
}

// StartAWS starts the stand-in with an empty bucket. The caller calls Stop.
func StartAWS(ctx context.Context, dir string) (*AWS, error) {
	python, err := Script(ctx, "glue")
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	a := &AWS{URL: "http://" + addr, dir: dir}
	a.process, err = startProcess(ctx, "the AWS stand-in", dir, python, "-c", glueProgram, strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	if err := a.process.ready(ctx, accepts(addr)); err != nil {
		return nil, err
	}
	return a, a.createBucket(ctx)
}

// Stop ends the stand-in, which forgets everything.
func (a *AWS) Stop() error { return errors.Join(a.process.stop(), os.RemoveAll(a.dir)) }

// Environment returns the variables by which programs find the account.
func (*AWS) Environment() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": AWSAccessKey, "AWS_SECRET_ACCESS_KEY": AWSSecretKey, "AWS_REGION": AWSRegion,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

// Empty removes all tables and objects.
func (a *AWS) Empty(ctx context.Context) error {
	if err := a.request(ctx, http.MethodPost, "/moto-api/reset"); err != nil {
		return err
	}
	return a.createBucket(ctx)
}

func (a *AWS) createBucket(ctx context.Context) error {
	return a.request(ctx, http.MethodPut, "/"+Bucket)
}

func (a *AWS) request(ctx context.Context, method, path string) error {
	request, err := http.NewRequestWithContext(ctx, method, a.URL+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s %s of the AWS stand-in: %s: %s", method, path, response.Status, tail(text, 1000))
	}
	return nil
}
