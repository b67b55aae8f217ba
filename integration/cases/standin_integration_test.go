//go:build integration

package cases

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/firn-cdc/firn/integration/server"
)

// What is said about concurrent commits is worth nothing on a Glue that lets
// the second of two overwrite the first.
func TestGlueStandIn_RefusesAStaleVersion(t *testing.T) {
	if err := standIn.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := refusesStaleVersion(t.Context(), standIn); err != nil {
		t.Fatal(err)
	}
}

// refusesStaleVersion updates a table twice from the same version, and returns
// an error unless the first is taken and the second refused without effect.
func refusesStaleVersion(ctx context.Context, a *server.AWS) error {
	client := glue.New(glue.Options{
		Region: server.AWSRegion, BaseEndpoint: aws.String(a.URL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(server.AWSAccessKey, server.AWSSecretKey, ""),
	})
	database, table := aws.String("lock"), aws.String("probe")
	if _, err := client.CreateDatabase(ctx, &glue.CreateDatabaseInput{DatabaseInput: &types.DatabaseInput{Name: database}}); err != nil {
		return err
	}
	if _, err := client.CreateTable(ctx, &glue.CreateTableInput{DatabaseName: database, TableInput: &types.TableInput{Name: table}}); err != nil {
		return err
	}
	before, err := client.GetTable(ctx, &glue.GetTableInput{DatabaseName: database, Name: table})
	if err != nil {
		return err
	}
	update := func(description string) error {
		_, err := client.UpdateTable(ctx, &glue.UpdateTableInput{
			DatabaseName: database, VersionId: before.Table.VersionId, SkipArchive: aws.Bool(true),
			TableInput: &types.TableInput{Name: table, Description: aws.String(description)},
		})
		return err
	}
	if err := update("first"); err != nil {
		return fmt.Errorf("update of the present version: %w", err)
	}
	err = update("second")
	if err == nil {
		return errors.New("the stand-in of Glue takes a stale version")
	}
	if _, refused := errors.AsType[*types.ConcurrentModificationException](err); !refused {
		return fmt.Errorf("update of a stale version: %w", err)
	}
	after, err := client.GetTable(ctx, &glue.GetTableInput{DatabaseName: database, Name: table})
	if err != nil {
		return err
	}
	if got := aws.ToString(after.Table.Description); got != "first" {
		return fmt.Errorf("the refused update of the stand-in's table had an effect: %q", got)
	}
	return nil
}
