// Package compose checks the Docker Compose file as Docker itself reads it.
package compose

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"

	"github.com/firn-cdc/firn/integration/server"
)

func TestCompose_FileLoadsWithPinnedImages(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(server.Root(), "compose", "compose.yml")})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mysql", "kafka", "s3", "catalog", "trino", "reader", "applier"} {
		if !slices.Contains(project.ServiceNames(), want) {
			t.Errorf("no service %s", want)
		}
	}
	pinned := regexp.MustCompile(`:v?\d+(\.\d+)*$`)
	for name, service := range project.Services {
		if service.Image != "" && !pinned.MatchString(service.Image) {
			t.Errorf("image %s of service %s is not pinned", service.Image, name)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("port %s of service %s is open to more than this machine", port.Published, name)
			}
		}
	}
}
