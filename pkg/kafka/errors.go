package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/IBM/sarama"
)

// What a caller may have to tell apart. Errors of this package wrap them.
var (
	ErrUnreachable      = errors.New("no Kafka broker of --bootstrap-servers answers")
	ErrAuthRefused      = errors.New("the Kafka broker refuses the credentials of --kafka-auth")
	ErrTLS              = errors.New("the TLS handshake with Kafka fails")
	ErrDenied           = errors.New("not authorised in Kafka")
	ErrTopicDenied      = fmt.Errorf("topic: %w", ErrDenied)
	ErrTopicNotFound    = errors.New("topic does not exist")
	ErrClosed           = errors.New("the Kafka client is closed")
	ErrFenced           = errors.New("another producer has taken over the transactional id, or the broker has aborted a transaction that was open for too long")
	ErrTransactionTime  = errors.New("the broker has aborted a Kafka transaction that was open for longer than its timeout, as happens while brokers are away")
	ErrCommitUnknown    = errors.New("it is not known whether the Kafka transaction was committed")
	ErrOffsetOutOfRange = errors.New("offset is no longer, or not yet, in the log")
	ErrTopicRecreated   = errors.New("topic was deleted and created again")
)

// errCredentials is a token or password that could not be had.
var errCredentials = errors.New("get the credentials for Kafka")

// Retriable reports whether err is one of Kafka's that may be gone after a while
// with a new producer or consumer, a doubtful commit included.
func Retriable(err error) bool {
	var k sarama.KError
	switch {
	case errors.Is(err, ErrFenced), errors.Is(err, ErrAuthRefused), errors.Is(err, ErrDenied), errors.Is(err, ErrTLS):
		return false
	case errors.Is(err, ErrUnreachable), errors.Is(err, ErrCommitUnknown), errors.Is(err, ErrTransactionTime), errors.Is(err, errCredentials):
		return true
	case !errors.As(err, &k):
		return false
	case k == sarama.ErrOutOfOrderSequenceNumber, k == sarama.ErrUnknownProducerID,
		k == sarama.ErrInvalidTxnState, k == sarama.ErrInvalidProducerIDMapping:
		return true // the span is lost, and a new producer starts a new one
	default:
		return retriable(k)
	}
}

// retriable reports whether a request that ended with err may be sent again.
func retriable(err error) bool {
	var k sarama.KError
	if !errors.As(err, &k) {
		return transport(err)
	}
	switch k {
	case sarama.ErrUnknownTopicOrPartition, sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition,
		sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable, sarama.ErrReplicaNotAvailable,
		sarama.ErrNetworkException, sarama.ErrOffsetsLoadInProgress, sarama.ErrConsumerCoordinatorNotAvailable,
		sarama.ErrNotCoordinatorForConsumer, sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicasAfterAppend,
		sarama.ErrNotController, sarama.ErrConcurrentTransactions, sarama.ErrKafkaStorageError,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrOffsetNotAvailable,
		sarama.ErrInvalidMessage, sarama.ErrThrottlingQuotaExceeded:
		return true
	default:
		return false
	}
}

// transport reports whether err says that a request or its answer was lost, or
// that a connection could not be made.
func transport(err error) bool {
	var k sarama.KError
	var network net.Error
	switch {
	case err == nil, errors.As(err, &k), permanentTLS(err),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, sarama.ErrNotConnected), errors.Is(err, sarama.ErrOutOfBrokers), errors.Is(err, sarama.ErrBrokerNotFound),
		errors.Is(err, sarama.ErrIncompleteResponse), errors.Is(err, sarama.ErrControllerNotAvailable),
		errors.Is(err, errCredentials), errors.Is(err, ErrUnreachable):
		return true
	default:
		return false
	}
}

// broken reports whether err leaves its connection useless: sarama answers
// every later request on it with the same error.
func broken(err error) bool {
	var k sarama.KError
	var encoding sarama.PacketEncodingError
	return err != nil && !errors.As(err, &k) && !errors.As(err, &encoding)
}

// undecodable reports whether err is an answer that cannot be read: damaged on
// the way, or in the log.
func undecodable(err error) bool {
	var config sarama.ConfigurationError
	return broken(err) && !transport(err) && !errors.As(err, &config) && !permanentTLS(err) &&
		!errors.Is(err, sarama.ErrUnsupportedVersion) && !errors.Is(err, sarama.ErrClosedClient)
}

func permanentTLS(err error) bool {
	var record tls.RecordHeaderError
	var remote *net.OpError // an alert that the broker sent
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &record) || errors.As(err, &remote) && remote.Op == "remote error" || errors.As(err, &verify) ||
		errors.As(err, &authority) || errors.As(err, &host)
}

// explain turns sarama's error into one of this package, in the operator's
// terms.
func explain(err error) error {
	var k sarama.KError
	if errors.As(err, &k) && k != sarama.ErrNoError {
		if k == sarama.ErrProducerFenced { // sarama has no text for it
			return ErrFenced
		}
		if sentinel := kerror(k); sentinel != nil && !errors.Is(err, sentinel) {
			return fmt.Errorf("%w: %w", sentinel, err)
		}
		return err
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnreachable), errors.Is(err, ErrTLS), errors.Is(err, errCredentials):
		return err
	case permanentTLS(err):
		return fmt.Errorf("%w (--kafka-tls, --kafka-ca-file, --kafka-cert-file): %w", ErrTLS, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the broker closes the connection: does it want TLS (--kafka-tls), "+
			"another --kafka-auth or other credentials?: %w", ErrUnreachable, err)
	case errors.Is(err, sarama.ErrClosedClient):
		return ErrClosed
	case transport(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	default:
		return err
	}
}

func kerror(k sarama.KError) error {
	switch k {
	case sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism, sarama.ErrIllegalSASLState:
		return ErrAuthRefused
	case sarama.ErrTopicAuthorizationFailed:
		return ErrTopicDenied
	case sarama.ErrGroupAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
		sarama.ErrTransactionalIDAuthorizationFailed:
		return ErrDenied
	case sarama.ErrUnknownTopicOrPartition:
		return ErrTopicNotFound
	case sarama.ErrOffsetOutOfRange:
		return ErrOffsetOutOfRange
	case sarama.ErrProducerFenced, sarama.ErrInvalidProducerEpoch:
		return ErrFenced
	default:
		return nil
	}
}

// ProduceError is a batch that Kafka did not take, for good.
type ProduceError struct {
	Topic     string
	Partition int32
	Records   int
	Size      int // bytes before compression
	err       error
}

func (e *ProduceError) Error() string {
	return fmt.Sprintf("write %d records (%d bytes) to %s/%d: %v", e.Records, e.Size, e.Topic, e.Partition, e.err)
}

func (e *ProduceError) Unwrap() error { return e.err }

// RecordTooLargeError is a record that the topic does not take.
type RecordTooLargeError struct {
	Topic   string
	Size    int // bytes before compression
	KeySize int // of which the key
}

func (e *RecordTooLargeError) Error() string {
	return fmt.Sprintf("a record of %d bytes (key: %d) is too large for topic %s: raise the topic's max.message.bytes "+
		"(the broker's message.max.bytes, and replica.fetch.max.bytes with it)", e.Size, e.KeySize, e.Topic)
}

// errLegacyFormat is data from before Kafka 0.11, which knows no transactions.
var errLegacyFormat = errors.New("the log holds records in a format older than Kafka 0.11 (message.format.version)")

// OffsetOutOfRangeError is an offset that the log does not hold. Asked below
// Earliest: retention has removed records that were not read. Asked above
// Latest: the topic was created anew, or has lost its tail.
type OffsetOutOfRangeError struct {
	Topic     string
	Partition int32
	Asked     int64
	Earliest  int64
	Latest    int64
}

func (e *OffsetOutOfRangeError) Error() string {
	if e.Asked < e.Earliest {
		return fmt.Sprintf("offset %d of %s/%d is gone: retention has removed the records before %d",
			e.Asked, e.Topic, e.Partition, e.Earliest)
	}
	return fmt.Sprintf("offset %d of %s/%d is beyond the end %d: the topic was created anew or has lost records",
		e.Asked, e.Topic, e.Partition, e.Latest)
}

// Is makes the error an ErrOffsetOutOfRange.
func (*OffsetOutOfRangeError) Is(target error) bool { return target == ErrOffsetOutOfRange }

// TopicRecreatedError is a topic whose id is not the one that was expected.
type TopicRecreatedError struct{ Topic, Want, Got string }

func (e *TopicRecreatedError) Error() string {
	return fmt.Sprintf("topic %s was deleted and created again: its id is %s, not %s", e.Topic, e.Got, e.Want)
}

// Is makes the error an ErrTopicRecreated.
func (*TopicRecreatedError) Is(target error) bool { return target == ErrTopicRecreated }
