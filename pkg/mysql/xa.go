package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-cdc/firn/pkg/debezium"
)

// codeXARefused is what MySQL answers to XA RECOVER without XA_RECOVER_ADMIN.
const codeXARefused = 1401

// PreparedXA returns the XA transactions that are prepared and not ended, as XA
// COMMIT takes them. Where the account may not see them there are none.
func (c *Conn) PreparedXA(ctx context.Context) ([]string, error) {
	mariaDB := c.flavor() == debezium.FlavorMariaDB
	query := "XA RECOVER CONVERT XID"
	if mariaDB {
		query = "XA RECOVER FORMAT='SQL'"
	}
	rows, err := c.Strings(ctx, query)
	if IsServerError(err, codeXARefused, CodeMissingPrivilege) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list prepared XA transactions: %w", err)
	}
	xids := make([]string, len(rows))
	for i, row := range rows { // formatID, gtrid_length, bqual_length, data
		if xids[i] = row[3]; mariaDB {
			continue
		}
		if xids[i], err = xidLiteral(row); err != nil {
			return nil, err
		}
	}
	return xids, nil
}

// xidLiteral writes an identifier of which the server tells the parts, in hex digits.
func xidLiteral(row []string) (string, error) {
	global, err := strconv.Atoi(row[1])
	data := strings.TrimPrefix(row[3], "0x")
	if err != nil || 2*global > len(data) {
		return "", errors.New("list prepared XA transactions: the server's answer is not understood")
	}
	return fmt.Sprintf("X'%s',X'%s',%s", data[:2*global], data[2*global:], row[0]), nil
}
