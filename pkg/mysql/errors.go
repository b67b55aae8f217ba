package mysql

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of [Connect] that repeating does not always heal.
var (
	// ErrAccessDenied is a login that the server refused: user, password, host or plugin.
	ErrAccessDenied = errors.New("access denied (--database-user; FIRN_DATABASE_PASSWORD or --database-password-file)")
	// ErrUnreachable is a host that does not resolve or answer, or a server that takes nobody in at the moment.
	ErrUnreachable = errors.New("unreachable")
	// ErrTLS is a server that offers no TLS, or whose certificate does not verify.
	ErrTLS = errors.New("no trusted TLS connection")
)

// ErrClosed is a connection that broke or was closed, by this side or by the server. A new one may heal it.
var ErrClosed = errors.New("connection closed")

// Server error codes that this package or its callers act on.
const (
	CodeDBAccessDenied     = 1044
	CodeAccessDenied       = 1045
	CodeUnknownDatabase    = 1049
	CodeBadField           = 1054
	CodeTableAccessDenied  = 1142
	CodeColumnAccessDenied = 1143
	CodeNoSuchTable        = 1146
	CodeNoSuchIndex        = 1176
	CodeLockWaitTimeout    = 1205
	CodeDeadlock           = 1213
	CodeMissingPrivilege   = 1227
	CodeTableDefChanged    = 1412
)

// Heals reports whether a new connection may work after an error of the server:
// it was full, closed for a while or shutting down, or ended the session.
func Heals(code uint16) bool {
	switch code {
	case 1040, 1135, 1203, 1226, 3032: // too many connections, no thread for one, offline_mode
		return true
	case 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 2006, 2013, 3168, 3169, 4031: // shutting down, killed, broken
		return true
	default:
		return false
	}
}

// ServerError is an error that the server answered with.
type ServerError struct {
	Code    uint16
	State   string
	Message string
}

// Error returns the server's message, its code and SQL state.
func (e *ServerError) Error() string {
	return fmt.Sprintf("%s (error %d, state %s)", e.Message, e.Code, e.State)
}

// IsServerError reports whether err is an answer of the server with one of the codes.
func IsServerError(err error, codes ...uint16) bool {
	var e *ServerError
	if !errors.As(err, &e) {
		return false
	}
	return slices.Contains(codes, e.Code)
}
