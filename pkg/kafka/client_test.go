package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/firn-cdc/firn/pkg/kafka"
)

func password(p string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return p, nil }
}

func TestConfig_ValidateNamesEveryFlag(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  kafka.Config
		want []string // nothing: valid
	}{
		{name: "plain text", cfg: kafka.Config{Brokers: []string{"a:9092"}}},
		{name: "iam", cfg: kafka.Config{Brokers: []string{"a:9098"}, Auth: "iam", Region: "eu-west-1"}},
		{name: "nothing", want: []string{"--bootstrap-servers"}},
		{name: "no port", cfg: kafka.Config{Brokers: []string{"a"}}, want: []string{"--bootstrap-servers"}},
		{
			name: "unknown method", cfg: kafka.Config{Brokers: []string{"a:1"}, Auth: "kerberos"},
			want: []string{`--kafka-auth: "kerberos" is none of none, iam,`},
		},
		{
			name: "scram without all", cfg: kafka.Config{Auth: "scram-sha-512"},
			want: []string{"--bootstrap-servers", "--kafka-user", "--kafka-password-file"},
		},
		{name: "iam without region", cfg: kafka.Config{Brokers: []string{"a:1"}, Auth: "iam"}, want: []string{"--aws-region"}},
		{
			name: "mtls without certificate", cfg: kafka.Config{Brokers: []string{"a:1"}, Auth: "mtls"},
			want: []string{"--kafka-cert-file, --kafka-key-file: needed"},
		},
		{
			name: "certificate without key", cfg: kafka.Config{Brokers: []string{"a:1"}, TLS: true, CertFile: "c"},
			want: []string{"--kafka-cert-file, --kafka-key-file: one without"},
		},
		{name: "ca without tls", cfg: kafka.Config{Brokers: []string{"a:1"}, CAFile: "c"}, want: []string{"--kafka-tls"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			if err == nil {
				if len(tt.want) > 0 {
					t.Fatalf("no error, want one of %q", tt.want)
				}
				return
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("got %q, want %d errors", lines, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got %q, want %q", lines[i], want)
				}
			}
		})
	}
}

func TestOpen_Credentials(t *testing.T) {
	for _, auth := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		t.Run(auth, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(auth), "u", "right"))
			must(t, err)
			t.Cleanup(cluster.Close)
			cfg := kafka.Config{Brokers: cluster.ListenAddrs(), Auth: auth, User: "u", Password: password("right")}
			c := dial(t, cfg)
			if id, err := c.ClusterID(t.Context()); err != nil || id == "" {
				t.Errorf("cluster id %q, %v", id, err)
			}
			cfg.Password = password("wrong-secret")
			// kfake closes the connection where Kafka answers.
			cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
				resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
				resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
				return resp, nil, true
			})
			_, err = kafka.Open(t.Context(), cfg)
			if !errors.Is(err, kafka.ErrAuthRefused) || strings.Contains(err.Error(), "wrong-secret") {
				t.Errorf("wrong password: got %v, want ErrAuthRefused", err)
			}
			cfg.Password = func(context.Context) (string, error) { return "", errors.New("file is gone") }
			cfg.RequestTimeout = time.Millisecond
			if _, err = kafka.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "file is gone") {
				t.Errorf("no password: got %v", err)
			}
		})
	}
}

func TestOpen_WithoutCredentialsWhereTheyAreWanted(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.EnableSASL(), kfake.Superuser("PLAIN", "u", "p"))
	must(t, err)
	t.Cleanup(cluster.Close)
	_, err = kafka.Open(t.Context(), kafka.Config{Brokers: cluster.ListenAddrs(), RequestTimeout: time.Millisecond})
	if !errors.Is(err, kafka.ErrUnreachable) || !strings.Contains(err.Error(), "--kafka-auth") {
		t.Errorf("got %v, want a hint at --kafka-auth", err)
	}
}

func TestOpen_Unreachable(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	_, err = kafka.Open(t.Context(), kafka.Config{Brokers: []string{addr}, RequestTimeout: 100 * time.Millisecond})
	if !errors.Is(err, kafka.ErrUnreachable) || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want ErrUnreachable that names %s", err, addr)
	}
	if !kafka.Retriable(err) {
		t.Error("an unreachable broker may come back")
	}
}

// Nobody waits for the end of all attempts to learn that there is no broker.
func TestOpen_SaysThatNobodyAnswers(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	refusing, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, refusing.Close())
	for name, l := range map[string]net.Listener{"silent": silent, "refusing": refusing} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			log := &untilSaid{times: 2, then: cancel}
			began := time.Now()
			_, err := kafka.Open(ctx, kafka.Config{
				Brokers: []string{l.Addr().String()}, RequestTimeout: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(log, nil)),
			})
			if !errors.Is(err, context.Canceled) || time.Since(began) > 1900*time.Millisecond {
				t.Errorf("it ended with %v after %s, before it had spoken twice", err, time.Since(began))
			}
			for _, part := range []string{"no answer from Kafka yet", l.Addr().String(), "no Kafka broker of --bootstrap-servers answers"} {
				if said := log.text.String(); strings.Count(said, part) < 2 {
					t.Errorf("it does not say %q twice:\n%s", part, said)
				}
			}
		})
	}
}

// untilSaid is a log that calls then after so many lines.
type untilSaid struct {
	times int
	then  func()
	text  strings.Builder
}

func (u *untilSaid) Write(b []byte) (int, error) {
	if u.times--; u.times == 0 {
		defer u.then()
	}
	return u.text.Write(b)
}

// The end of the context must not wait for a broker that says nothing.
func TestOpen_EndsWithItsContext(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = kafka.Open(ctx, kafka.Config{Brokers: []string{l.Addr().String()}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestOpen_TLS(t *testing.T) {
	dir := t.TempDir()
	server, pool := certificates(t, dir)
	cluster, err := kfake.NewCluster(kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}))
	must(t, err)
	t.Cleanup(cluster.Close)
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	good := kafka.Config{
		Brokers: cluster.ListenAddrs(), Auth: "mtls", CAFile: ca, CertFile: cert, KeyFile: key, RequestTimeout: 50 * time.Millisecond,
	}
	t.Run("mutual", func(t *testing.T) { dial(t, good) })
	for _, tt := range []struct {
		name   string
		change func(*kafka.Config)
		want   error
		text   string
	}{
		{"unknown authority", func(c *kafka.Config) { c.CAFile = "" }, kafka.ErrTLS, "--kafka-ca-file"},
		{"no client certificate", func(c *kafka.Config) { c.Auth, c.TLS, c.CertFile, c.KeyFile = "", true, "", "" }, kafka.ErrTLS, "--kafka-cert-file"},
		{"no tls at all", func(c *kafka.Config) { *c = kafka.Config{Brokers: c.Brokers, RequestTimeout: c.RequestTimeout} }, kafka.ErrUnreachable, "--kafka-tls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			_, err := kafka.Open(t.Context(), cfg)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %s", err, tt.want, tt.text)
			}
		})
	}
}

// certificates writes an authority and a pair signed by it for both sides.
func certificates(t *testing.T, dir string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	write := func(name, kind string, der []byte) {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := func(serial int64, ca bool) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("firn ", serial)}, NotAfter: time.Now().Add(time.Hour),
			IsCA: ca, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
	}
	ca, err := x509.CreateCertificate(rand.Reader, template(1, true), template(1, true), root.Public(), root)
	must(t, err)
	leaf, err := x509.CreateCertificate(rand.Reader, template(2, false), template(1, true), key.Public(), root)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	write("ca.pem", "CERTIFICATE", ca)
	write("cert.pem", "CERTIFICATE", leaf)
	write("key.pem", "PRIVATE KEY", private)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	must(t, err)
	authority, err := x509.ParseCertificate(ca)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return pair, pool
}

func TestClient_EnsureTopic(t *testing.T) {
	_, c := open(t)
	spec := kafka.TopicSpec{Name: "t", Partitions: 5, Replication: 1, Config: map[string]string{
		"cleanup.policy": "compact", "max.message.bytes": "2000000",
	}}
	for _, want := range []bool{true, false} {
		created, err := c.EnsureTopic(t.Context(), spec)
		if err != nil || created != want {
			t.Errorf("created %t, %v; want %t", created, err, want)
		}
	}
	got, err := c.Topic(t.Context(), "t")
	must(t, err)
	if len(got.ID) != 22 {
		t.Errorf("topic id %q", got.ID)
	}
	got.ID = ""
	if diff := cmp.Diff(kafka.TopicInfo{Name: "t", Partitions: 5, MaxMessageBytes: 2_000_000}, got); diff != "" {
		t.Error(diff)
	}
	topics, err := c.Topics(t.Context())
	must(t, err)
	if diff := cmp.Diff([]string{"t"}, topics); diff != "" {
		t.Error(diff)
	}
	_, err = c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: "u", Replication: 9})
	if err == nil || !strings.Contains(err.Error(), "--topic-replication") {
		t.Errorf("nine replicas on three brokers: got %v", err)
	}
	if _, err := c.Topic(t.Context(), "u"); !errors.Is(err, kafka.ErrTopicNotFound) {
		t.Errorf("missing topic: got %v, want ErrTopicNotFound", err)
	}
}

// To make a topic costs as much in a cluster of thousands as in an empty one.
func TestClient_EnsureTopicAsksForNoOthers(t *testing.T) {
	cluster, c := open(t)
	var all atomic.Int64
	cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if m, ok := req.(*kmsg.MetadataRequest); ok && m.Topics == nil {
			all.Add(1)
		}
		return nil, nil, false
	})
	created, err := c.EnsureTopic(t.Context(), kafka.TopicSpec{Name: "t", Partitions: 2})
	if err != nil || !created {
		t.Fatalf("created %t, %v", created, err)
	}
	if n := all.Load(); n > 0 {
		t.Errorf("it asked for all topics %d times", n)
	}
}

func TestClient_NotAuthorised(t *testing.T) {
	cluster, err := kfake.NewCluster(
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "p"), kfake.SeedTopics(1, "t"),
		kfake.User("PLAIN", "u", "p"),
	)
	must(t, err)
	t.Cleanup(cluster.Close)
	c := dial(t, kafka.Config{
		Brokers: cluster.ListenAddrs(), Auth: "plain", User: "u", Password: password("p"), RequestTimeout: 50 * time.Millisecond,
	})
	if _, err := c.Topic(t.Context(), "t"); !errors.Is(err, kafka.ErrTopicDenied) || kafka.Retriable(err) {
		t.Errorf("topic: got %v, want ErrTopicDenied", err)
	}
	if _, err := kafka.NewProducer(t.Context(), c, kafka.ProducerConfig{TransactionalID: "x"}); !errors.Is(err, kafka.ErrDenied) {
		t.Errorf("producer: got %v, want ErrDenied", err)
	}
}

func TestClient_Offsets(t *testing.T) {
	_, c := open(t, kfake.NumBrokers(3), kfake.SeedTopics(3, "t"))
	produce(t, c, "t", 1, 0, 7)
	got, err := c.Offsets(t.Context(), "t")
	must(t, err)
	want := []kafka.PartitionOffsets{{Partition: 0}, {Partition: 1, HighWatermark: 7, LastStable: 7}, {Partition: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Offsets(t.Context(), "missing"); !errors.Is(err, kafka.ErrTopicNotFound) {
		t.Errorf("missing topic: got %v, want ErrTopicNotFound", err)
	}

	at := time.UnixMilli(1_900_000_000_000)
	p := producer(t, c, kafka.ProducerConfig{})
	for i := range 3 {
		must(t, p.Send(&kafka.Record{Topic: "t", Partition: 2, Timestamp: at.Add(time.Duration(i) * time.Second)}))
		must(t, p.Flush(t.Context()))
	}
	for _, tt := range []struct {
		after time.Duration
		want  int64
	}{{0, 0}, {time.Millisecond, 1}, {2 * time.Second, 2}, {time.Hour, 3}} {
		got, err := c.OffsetForTime(t.Context(), "t", 2, at.Add(tt.after))
		if err != nil || got != tt.want {
			t.Errorf("%s after: got %d, %v; want %d", tt.after, got, err, tt.want)
		}
	}
}

// What is written while ReadAll reads is not its business, and what was there
// must not be cut short by it.
func TestClient_ReadAllEndsWhereTheTopicEnded(t *testing.T) {
	cluster, c := open(t, kfake.SeedTopics(1, "t"))
	produce(t, c, "t", 0, 0, 10)
	more := func() { produce(t, c, "t", 0, 10, 20) }
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		if more != nil {
			cluster.SleepControl(more)
			more = nil
		}
		return nil, nil, false
	})
	n := 0
	must(t, c.ReadAll(t.Context(), "t", 0, 0, func(*kafka.Record) error { n++; return nil }))
	if n != 10 {
		t.Errorf("%d records, want 10", n)
	}
	stop := errors.New("stop")
	if err := c.ReadAll(t.Context(), "t", 0, 0, func(*kafka.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's error", err)
	}
}
