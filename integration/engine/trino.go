package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firn-cdc/firn/integration/server"
)

// Trino asks a running Trino about the tables of its catalog.
type Trino struct {
	url string
	ctx context.Context // queries end with it
}

// OpenTrino returns a client of t whose queries end with ctx.
func OpenTrino(ctx context.Context, t *server.Trino) *Trino { return &Trino{url: t.URL, ctx: ctx} }

// page is one of the answers that Trino gives to a query.
type page struct {
	Next    string `json:"nextUri"`
	Columns []struct {
		Name string   `json:"name"`
		Type typeSign `json:"typeSignature"`
	} `json:"columns"`
	Data  [][]json.RawMessage `json:"data"`
	Error *struct {
		Name    string `json:"errorName"`
		Message string `json:"message"`
	} `json:"error"`
}

// Query runs sql, in which {table} stands for the table as Glue knows it at
// this moment. The table's Catalog is not used, and the answer does not name
// the metadata file.
func (t *Trino) Query(table Table, sql string) (*Result, error) {
	namespace, name, _ := strings.Cut(table.Name, ".")
	sql = strings.ReplaceAll(sql, "{table}", fmt.Sprintf("%q.%q.%q", server.TrinoCatalog, namespace, name))
	ctx, cancel := context.WithTimeout(t.ctx, time.Minute)
	defer cancel()
	result := new(Result)
	answer, err := ask(ctx, http.MethodPost, t.url+"/v1/statement", sql)
	for {
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", table.Name, err)
		}
		if answer.Error != nil {
			return nil, fmt.Errorf("query %s: %s: %s", table.Name, answer.Error.Name, answer.Error.Message)
		}
		if err := result.add(answer); err != nil {
			return nil, fmt.Errorf("query %s: %w", table.Name, err)
		}
		if answer.Next == "" {
			return result, nil
		}
		answer, err = ask(ctx, http.MethodGet, answer.Next, "")
	}
}

func ask(ctx context.Context, method, url, body string) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Trino-User", "firn")
	request.Header.Set("X-Trino-Time-Zone", "UTC")
	// Without it, instants are cut to milliseconds.
	request.Header.Set("X-Trino-Client-Capabilities", "PARAMETRIC_DATETIME")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("trino answers %s: %.500s", response.Status, text)
	}
	answer := new(page)
	return answer, json.Unmarshal(text, answer)
}

func (r *Result) add(p *page) error {
	if len(p.Columns) > 0 && r.Columns == nil {
		for _, c := range p.Columns {
			r.Columns = append(r.Columns, c.Name)
		}
	}
	for _, values := range p.Data {
		row := make([]*string, len(values))
		for i, value := range values {
			text, err := p.Columns[i].Type.text(value)
			if err != nil {
				return fmt.Errorf("column %s: %w", p.Columns[i].Name, err)
			}
			row[i] = text
		}
		r.Rows = append(r.Rows, row)
	}
	return nil
}
