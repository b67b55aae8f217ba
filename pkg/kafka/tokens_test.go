package kafka

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestRegionTokens_AreKeptUntilTheyEnd(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	r := &regionTokens{region: "eu-west-1"}
	first, err := r.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || !strings.HasPrefix(string(signed), "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster") {
		t.Errorf("token is %q, %v", signed, err)
	}
	r.token = "kept"
	if got, err := r.Token(t.Context()); got != "kept" || err != nil {
		t.Errorf("got %q, %v; want the token at hand", got, err)
	}
	r.end = time.Now().Add(tokenMargin / 2)
	if got, err := r.Token(t.Context()); got == "kept" || err != nil {
		t.Errorf("got %q, %v; want a new token", got, err)
	}
}
