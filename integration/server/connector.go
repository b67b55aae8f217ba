package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ConnectorStatus is what a worker says of a connector.
type ConnectorStatus struct {
	State string // RUNNING, STOPPED, PAUSED, FAILED, UNASSIGNED
	Task  string // the same of its task; empty: it has none
	Trace string // why it failed
}

// Failed reports whether the connector or its task has given up.
func (s *ConnectorStatus) Failed() bool { return s.State == "FAILED" || s.Task == "FAILED" }

func (s *ConnectorStatus) String() string {
	return "connector " + s.State + ", task " + s.Task + " " + s.Trace
}

// Create creates a connector, or gives one other properties, and returns once
// the worker has accepted them. The connector's class and name are among them.
func (c *Connect) Create(ctx context.Context, properties map[string]string) error {
	name := properties["name"]
	c.prefixes[name] = properties["topic.prefix"]
	if err := c.mark(name); err != nil {
		return err
	}
	return c.request(ctx, http.MethodPut, connectorPath(name)+"/config", properties, nil)
}

// Delete removes a connector. Its offsets stay.
func (c *Connect) Delete(ctx context.Context, connector string) error {
	return c.request(ctx, http.MethodDelete, connectorPath(connector), nil, nil)
}

// StopConnector ends a connector's task and returns once it has ended and its
// offsets are written; the connector stays.
func (c *Connect) StopConnector(ctx context.Context, connector string) error {
	if err := c.request(ctx, http.MethodPut, connectorPath(connector)+"/stop", nil, nil); err != nil {
		return err
	}
	return c.await(ctx, connector, func(s *ConnectorStatus) bool { return s.State == "STOPPED" && s.Task == "" })
}

// Resume starts a connector that was stopped.
func (c *Connect) Resume(ctx context.Context, connector string) error {
	if err := c.mark(connector); err != nil {
		return err
	}
	return c.request(ctx, http.MethodPut, connectorPath(connector)+"/resume", nil, nil)
}

// Status asks how a connector is.
func (c *Connect) Status(ctx context.Context, connector string) (*ConnectorStatus, error) {
	type part struct {
		State string `json:"state"`
		Trace string `json:"trace"`
	}
	var answer struct {
		Connector part   `json:"connector"`
		Tasks     []part `json:"tasks"`
	}
	if err := c.get(ctx, connectorPath(connector)+"/status", &answer); err != nil {
		return nil, err
	}
	status := &ConnectorStatus{State: answer.Connector.State, Trace: answer.Connector.Trace}
	for _, task := range answer.Tasks {
		status.Task = task.State
		status.Trace += task.Trace
	}
	return status, nil
}

// await waits until a connector is as it is wanted. It returns an error if the
// connector fails, the worker ends or that takes too long.
func (c *Connect) await(ctx context.Context, connector string, reached func(*ConnectorStatus) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := c.Status(ctx, connector) // an error: it is not known yet, or the worker is starting
		switch {
		case err == nil && status.Failed():
			return fmt.Errorf("connector %s failed: %s", connector, status)
		case err == nil && reached(status):
			return nil
		}
		select {
		case <-c.process.done:
			return fmt.Errorf("kafka connect ended (%s):\n%s", c.process.cmd.ProcessState, c.process.tail())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for connector %s (%v): %w:\n%s", connector, status, ctx.Err(), c.process.tail()), err)
		case <-tick.C:
		}
	}
}

// Offset returns the offset that a connector has committed, nil if it has
// none: it is behind what the connector has published, until it stops.
func (c *Connect) Offset(ctx context.Context, connector string) (json.RawMessage, error) {
	var answer struct {
		Offsets []struct {
			Offset json.RawMessage `json:"offset"`
		} `json:"offsets"`
	}
	if err := c.get(ctx, connectorPath(connector)+"/offsets", &answer); err != nil || len(answer.Offsets) == 0 {
		return nil, err
	}
	return answer.Offsets[0].Offset, nil
}

func connectorPath(name string) string { return "/connectors/" + url.PathEscape(name) }

func (c *Connect) get(ctx context.Context, path string, answer any) error {
	return c.request(ctx, http.MethodGet, path, nil, answer)
}

// request asks the worker again while it rebalances.
func (c *Connect) request(ctx context.Context, method, path string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for {
		code, said, err := c.once(ctx, method, path, text)
		switch {
		case err != nil:
			return err
		case code == http.StatusConflict && strings.Contains(said, "rebalance"):
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
		case code >= http.StatusMultipleChoices:
			return fmt.Errorf("%s %s of kafka connect: %d: %s", method, path, code, tail([]byte(said), 2000))
		case answer == nil:
			return nil
		default:
			return json.Unmarshal([]byte(said), answer)
		}
	}
}

func (c *Connect) once(ctx context.Context, method, path string, body []byte) (code int, said string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}
