package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
)

// tokenMargin is how long before its end a token is no longer given out.
const tokenMargin = 2 * time.Minute

// regionTokens signs MSK tokens with the default AWS credentials.
type regionTokens struct {
	region string

	mu    sync.Mutex
	token string
	end   time.Time
}

// Token signs a new token when the last one is about to end: looking up the
// credentials may take a call over the network.
func (r *regionTokens) Token(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Until(r.end) > tokenMargin {
		return r.token, nil
	}
	token, end, err := signer.GenerateAuthToken(ctx, r.region)
	if err != nil {
		return "", err
	}
	r.token, r.end = token, time.UnixMilli(end)
	return token, nil
}
