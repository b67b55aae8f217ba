package mysql_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firn-cdc/firn/pkg/mysql"
)

// TestLexer_BehindSet: the FOR that ends SET STATEMENT is outside parentheses, quotes and comments.
func TestLexer_BehindSet(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		mode      mysql.SQLMode
		want      string
	}{
		{"another statement", "UPDATE t SET a = 1", 0, "UPDATE t SET a = 1"},
		{"SET of a variable", "SET a = 'STATEMENT x FOR y'", 0, "SET a = 'STATEMENT x FOR y'"},
		{"in parentheses", "SET STATEMENT a=SUBSTRING('x' FROM (1) FOR 1), b=2 FOR TRUNCATE t", 0, " TRUNCATE t"},
		{"in quotes", `SET STATEMENT a='it''s \' FOR', b="FOR" FOR TRUNCATE t`, 0, " TRUNCATE t"},
		{"in quotes, where a backslash is one", `SET STATEMENT a='\' FOR TRUNCATE t`, mysql.NoBackslashEscapes, " TRUNCATE t"},
		{"in a comment", "set /* FOR */ statement a=1 -- FOR\n for TRUNCATE t", 0, " TRUNCATE t"},
		{"one behind the other", "SET STATEMENT a=1 FOR SET STATEMENT b=2 FOR TRUNCATE t", 0, " TRUNCATE t"},
		{"without a statement", "SET STATEMENT a=(1 FOR TRUNCATE t", 0, "SET STATEMENT a=(1 FOR TRUNCATE t"},
		{"not closed", "SET STATEMENT a='1 FOR TRUNCATE t", 0, "SET STATEMENT a='1 FOR TRUNCATE t"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lex := mysql.NewLexer(c.sql, c.mode, true)
			lex.BehindSet()
			if diff := cmp.Diff(c.want, lex.Rest()); diff != "" {
				t.Errorf("what stands behind (-want +got):\n%s", diff)
			}
		})
	}
}
