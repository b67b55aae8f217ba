package mysql_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/mysql"
)

func TestConfig_Validate(t *testing.T) {
	valid := mysql.Config{Host: "db", User: "u"}
	tests := []struct {
		name   string
		change func(c *mysql.Config)
		want   []string // one part of each error
	}{
		{"the least that is needed", func(*mysql.Config) {}, nil},
		{"MariaDB's mode names", func(c *mysql.Config) { c.SSLMode = "verify-full" }, nil},
		{"nothing", func(c *mysql.Config) { *c = mysql.Config{} }, []string{"--database-hostname", "--database-user"}},
		{
			"a port out of range and an unknown mode", func(c *mysql.Config) { c.Port, c.SSLMode = 70000, "maybe" },
			[]string{"--database-port: 70000", `--database-ssl-mode: "maybe"`},
		},
		{"a certificate without its key", func(c *mysql.Config) { c.CertFile = "c" }, []string{"--database-key-file"}},
		{"certificates with TLS off", func(c *mysql.Config) { c.SSLMode, c.CAFile = "disabled", "ca" }, []string{"would ignore"}},
		{"a token that might go unencrypted", func(c *mysql.Config) { c.TokenAuth = true }, []string{"rds-iam"}},
		{"a token over TLS", func(c *mysql.Config) { c.TokenAuth, c.SSLMode = true, "required" }, nil},
		{"a negative timeout", func(c *mysql.Config) { c.ConnectTimeout = -time.Second }, []string{"negative"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid
			tt.change(&c)
			err := c.Validate()
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %d errors", got, len(tt.want))
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("got %q, want it to contain %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestConfig_TLSConfig(t *testing.T) {
	type facts struct {
		On, SkipVerify, VerifiesChain bool
		ServerName                    string
	}
	tests := []struct {
		mode string
		want facts
	}{
		{"disabled", facts{}},
		{"disable", facts{}},
		{"", facts{On: true, SkipVerify: true, ServerName: "db"}},
		{"preferred", facts{On: true, SkipVerify: true, ServerName: "db"}},
		{"required", facts{On: true, SkipVerify: true, ServerName: "db"}},
		{"verify_ca", facts{On: true, SkipVerify: true, VerifiesChain: true, ServerName: "db"}},
		{"verify_identity", facts{On: true, ServerName: "db"}},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			c, err := (&mysql.Config{Host: "db", User: "u", SSLMode: tt.mode}).TLSConfig()
			if err != nil {
				t.Fatal(err)
			}
			var got facts
			if c != nil {
				got = facts{true, c.InsecureSkipVerify, c.VerifyConnection != nil, c.ServerName}
				if c.MinVersion != tls.VersionTLS12 {
					t.Errorf("got minimum version %x", c.MinVersion)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a CA file without a certificate is an error", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (&mysql.Config{Host: "db", SSLMode: "verify_ca", CAFile: file}).TLSConfig(); err == nil {
			t.Error("it was accepted")
		}
	})
}
