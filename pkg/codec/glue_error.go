package codec

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// explain says whether an error of Glue's may heal, and what to do if not. The
// SDK has repeated the request by then.
func (*Glue) explain(ctx context.Context, action string, err error) error {
	var refused smithy.APIError
	var response *smithyhttp.ResponseError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ask Glue's schema registry: %w", err)
	case errors.As(err, &response) && (response.HTTPStatusCode() >= http.StatusInternalServerError || response.HTTPStatusCode() == http.StatusTooManyRequests):
		return fmt.Errorf("%w: %w", ErrRegistryUnavailable, err)
	case is[*smithy.DeserializationError](err):
		return &RegistryError{Reason: "what answers is not Glue", Remedy: "correct --aws-endpoint, or what stands between here and Glue", Err: err}
	case !errors.As(err, &refused):
		return fmt.Errorf("%w: %w", ErrRegistryUnavailable, err) // no answer, or no credentials at present
	}
	code := refused.ErrorCode()
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	_, passing := retry.DefaultRetryableErrorCodes[code]
	switch {
	case throttled, passing:
		return fmt.Errorf("%w: %w", ErrRegistryUnavailable, err)
	case strings.Contains(code, "AccessDenied"):
		return &RegistryError{Reason: "Glue does not allow it", Remedy: "allow this role " + action, Err: err}
	case strings.Contains(code, "Token"), strings.Contains(code, "Signature"), strings.Contains(code, "AccessKey"):
		return &RegistryError{Reason: "Glue does not accept the credentials", Remedy: "give this process an AWS role", Err: err}
	default:
		return &RegistryError{Reason: "Glue refused the request", Remedy: "correct what it names", Err: err}
	}
}
