package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// TrinoCatalog is the name that Trino has for the stand-in's Glue.
const TrinoCatalog = "glue"

// Trino is a running Trino, the engine that Athena is made of.
type Trino struct {
	URL string

	dir     string
	process *process
}

// StartTrino starts Trino with the Iceberg tables of a. It returns once
// queries can run. The caller calls Stop.
func StartTrino(ctx context.Context, dir string, a *AWS) (*Trino, error) {
	root, err := Script(ctx, "trino")
	if err != nil {
		return nil, err
	}
	home, err := Script(ctx, "java", "24")
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	t := &Trino{URL: "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir}
	if err := t.configure(root, port, a); err != nil {
		return nil, fmt.Errorf("configure trino in %s: %w", dir, err)
	}
	t.process, err = startProcess(ctx, "trino", dir, filepath.Join(home, "bin", "java"),
		"-Xmx1536m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-XX:-OmitStackTraceInFastThrow",
		"-Djdk.attach.allowAttachSelf=true", "-Djdk.nio.maxCachedBufferSize=2000000", "-Dfile.encoding=UTF-8",
		"--enable-native-access=ALL-UNNAMED", "-Dconfig=etc/config.properties", "-Dlog.levels-file=etc/log.properties",
		"-Dlog.enable-console=true", "-cp", filepath.Join(root, "lib", "*"), "io.trino.server.TrinoServer")
	if err != nil {
		return nil, err
	}
	return t, t.process.ready(ctx, t.started)
}

// Stop ends Trino and removes its folder.
func (t *Trino) Stop() error { return errors.Join(t.process.stop(), os.RemoveAll(t.dir)) }

func (t *Trino) configure(root string, port int, a *AWS) error {
	files := map[string]string{
		"log.properties": "io.trino=WARN\nio.airlift=WARN\n",
		"config.properties": fmt.Sprintf(`node.environment=firn
node.id=firn
node.bind-ip=127.0.0.1
node.internal-address=127.0.0.1
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=%[1]d
discovery.uri=http://127.0.0.1:%[1]d
plugin.dir=%[2]s
catalog.config-dir=etc/catalog
query.max-memory-per-node=512MB
memory.heap-headroom-per-node=256MB
`, port, filepath.Join(root, "plugin")),
		"catalog/" + TrinoCatalog + ".properties": fmt.Sprintf(`connector.name=iceberg
iceberg.catalog.type=glue
hive.metastore.glue.region=%[1]s
hive.metastore.glue.endpoint-url=%[2]s
hive.metastore.glue.aws-access-key=%[3]s
hive.metastore.glue.aws-secret-key=%[4]s
fs.native-s3.enabled=true
s3.region=%[1]s
s3.endpoint=%[2]s
s3.path-style-access=true
s3.aws-access-key=%[3]s
s3.aws-secret-key=%[4]s
`, AWSRegion, a.URL, AWSAccessKey, AWSSecretKey),
	}
	for name, text := range files {
		path := filepath.Join(t.dir, "etc", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// started checks that Trino has loaded its catalogs and takes queries.
func (t *Trino) started(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+"/v1/info", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var info struct {
		Starting bool `json:"starting"`
	}
	if err := json.NewDecoder(response.Body).Decode(&info); err != nil {
		return err
	}
	if info.Starting {
		return errors.New("it is starting")
	}
	return nil
}
