package process

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/firn-cdc/firn/pkg/codec"
	"github.com/firn-cdc/firn/pkg/config"
	"github.com/firn-cdc/firn/pkg/kafka"
)

// Refusals are settings that this version knows by name and cannot follow. It
// refuses them rather than passing over them.
type Refusals []error

// Add refuses a flag if it was given.
func (r *Refusals) Add(given bool, flag, instead string) {
	if given {
		*r = append(*r, fmt.Errorf("%s is not in this version: %s", flag, instead))
	}
}

// Err returns those of the flags that both commands have and those that were
// added, or nil.
func (r Refusals) Err(c *config.Common) error {
	r.Add(c.MSKClusterARN != "", "--msk-cluster-arn", "give --bootstrap-servers")
	r.Add(c.KafkaSecretARN != "", "--kafka-secret-arn", "use FIRN_KAFKA_PASSWORD or --kafka-password-file")
	r.Add(c.AWSRoleARN != "" || len(c.Roles) > 0, "--aws-role-arn", "give the process the role itself")
	return errors.Join(r...)
}

// Kafka is where Kafka is, for a client of this name.
func Kafka(c *config.Common, clientID string, log *slog.Logger) kafka.Config {
	return kafka.Config{
		Brokers: c.BootstrapServers, Auth: c.KafkaAuth, User: c.KafkaUser, Password: config.Password(c.KafkaPassword, c.KafkaPasswordFile),
		Region: c.AWSRegion, TLS: c.KafkaTLS, CAFile: c.KafkaCAFile, CertFile: c.KafkaCertFile, KeyFile: c.KafkaKeyFile,
		ClientRack: c.ClientRack, ClientID: clientID, Logger: log,
	}
}

// Confluent is where a registry with Confluent's API is.
func Confluent(c *config.Registry) codec.ConfluentConfig {
	return codec.ConfluentConfig{
		URLs: c.SchemaRegistryURL, User: c.SchemaRegistryUser, Password: config.Password(c.SchemaRegistryPassword, c.SchemaRegistryPasswordFile),
		CAFile: c.SchemaRegistryCAFile, CertFile: c.SchemaRegistryCertFile, KeyFile: c.SchemaRegistryKeyFile,
	}
}
