//go:build !integration

package reference_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firn-cdc/firn/integration/reference"
	"github.com/firn-cdc/firn/integration/server"
)

// form is a way in which Debezium publishes cases, and how what firn-applier
// makes of it differs from what it makes of the connector's defaults.
type form struct {
	name       string
	records    records
	flags      []string
	exceptions []exception       // whose columns are case.table.column
	stopped    map[string]string // topics to words of the reason, besides the usual ones
	without    []string          // tables that this form does not have, or that its server made otherwise
}

// records returns what was published, and the flags that it is read with.
type records func(t *testing.T) ([]reference.Record, []string)

// In whatever form the real Debezium publishes a table, firn-applier makes the
// same of it, but for what DESIGN.md says.
func TestApplier_MakesTheSameOfEveryForm(t *testing.T) {
	base := applied(t, recordsOf(t, server.MySQL9, baseCases...), long)
	base.stopped(map[string]string{"ddl.ddl.t": usual["ddl.t"], "keys.keys.uniq2": usual["keys.uniq2"]})
	for _, f := range slices.Concat(converters(), modes(), names(), unwrapped()) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.compare(t, base)
		})
	}
}

func (f *form) compare(t *testing.T, base *tables) {
	published, flags := f.records(t)
	a := applied(t, published, append(flags, f.flags...)...)
	cases, stopped := casesOf(t, published), make(map[string]string)
	for topic := range topicsOf(published) {
		if parts := strings.Split(topic, "."); len(parts) == 3 {
			if reason, ok := usual[cases[parts[0]]+"."+parts[2]]; ok {
				stopped[topic] = reason
			}
		}
		if reason, ok := f.stopped[topic]; ok {
			stopped[topic] = reason
		}
	}
	a.stopped(stopped)
	compared := 0
	for recorded, of := range cases {
		for _, table := range base.names(of) {
			_, broken := stopped[recorded+"."+recorded+"."+table]
			if _, ok := usual[of+"."+table]; ok || broken || slices.Contains(f.without, recorded+"."+table) {
				continue
			}
			a.same(recorded+"."+table, base, of+"."+table, exceptionsOf(f.exceptions, of))
			compared++
		}
	}
	if compared == 0 && len(f.stopped) == 0 {
		t.Error("no table was compared")
	}
}

// exceptionsOf returns the exceptions for a case's tables.
func exceptionsOf(all []exception, of string) []exception {
	var some []exception
	for _, e := range all {
		if columns, ok := strings.CutPrefix(e.columns, of+"."); ok {
			e.columns = columns
			some = append(some, e)
		}
	}
	return some
}

var included = regexp.MustCompile(`(?m)^-- @include (\w+)\.sql$`)

// casesOf returns the cases that were recorded, each with the one whose statements
// it has.
func casesOf(t *testing.T, all []reference.Record) map[string]string {
	t.Helper()
	cases := make(map[string]string)
	for topic := range topicsOf(all) {
		name, _, ok := strings.Cut(topic, ".")
		if !ok || strings.HasPrefix(name, "__") {
			continue
		}
		cases[name] = name
		text, err := os.ReadFile("testdata/corpus/" + name + ".sql")
		must(t, err)
		if m := included.FindSubmatch(text); m != nil {
			cases[name] = string(m[1])
		}
	}
	return cases
}

// onMySQL8 is JSON with schemas.
func onMySQL8(cases ...string) records {
	return func(t *testing.T) ([]reference.Record, []string) {
		t.Helper()
		return recordsOf(t, server.MySQL8, cases...), []string{long}
	}
}

// defaults are the base's records.
func defaults(t *testing.T) ([]reference.Record, []string) {
	t.Helper()
	return recordsOf(t, server.MySQL9, baseCases...), []string{long}
}

// avro is what Confluent's converter made of cases.
func avro(file string, cases ...string) records {
	return func(t *testing.T) ([]reference.Record, []string) {
		t.Helper()
		all, flag := avroOf(t, file, cases...)
		return all, []string{flag, long}
	}
}

func edited(edit func([]reference.Record) []reference.Record, of records) records {
	return func(t *testing.T) ([]reference.Record, []string) {
		t.Helper()
		all, flags := of(t)
		return edit(all), flags
	}
}

// since what firn-applier makes of old rows without the schema-change topic.
var unfilled = []exception{
	{columns: "defaults.d.added*", of: "CASE WHEN id >= 5 THEN {c} END"},
	{columns: "ddl.lk.n", of: "CASE WHEN id >= 2 THEN {c} END"},
}

// mysql8 prints a TIME in JSON otherwise than MySQL 9.
var mysql8 = exception{columns: "json.j.j", of: `CASE WHEN id IN (108, 208) THEN replace(replace({c}, '"-100:', '"-76:'), '"101:', '"77:') ELSE {c} END`}

func converters() []form {
	return []form{
		{name: "without schema changes", records: edited(reference.WithoutSchemaChanges, defaults), exceptions: unfilled},
		{name: "without schema changes as recorded", records: onMySQL8("opt_no_schema_changes"), exceptions: unfilled},
		{name: "Avro", records: avro("default", baseCases...), exceptions: append(adjusted("avro"), mysql8)},
		{name: "Avro without Connect's names", records: avro("nometa", "ints", "decimals", "defaults"), exceptions: unnamed},
		{
			name:    "options that change no row",
			records: onMySQL8("opt_no_tombstones", "opt_no_headers", "opt_decimal_numeric", "opt_heartbeat", "opt_include_query", "opt_transaction", "opt_comments"),
			without: []string{"opt_include_query.b", "opt_transaction.b"}, // MySQL 8 does not log what foreign keys do
		},
		{name: "JSON without schemas as recorded", records: onMySQL8("opt_schemas_off"), without: []string{"opt_schemas_off.b"}},
		{name: "NULL without defaults", records: onMySQL8("opt_null_default_off"), exceptions: nulls},
		{
			name: "JSON without schemas and schema changes", records: edited(reference.WithoutSchemaChanges, onMySQL8("opt_schemas_off")),
			stopped: map[string]string{
				"opt_schemas_off.opt_schemas_off.a": "value.converter.schemas.enable", "opt_schemas_off.opt_schemas_off.b": "value.converter.schemas.enable",
				"opt_schemas_off.opt_schemas_off.ctas": "value.converter.schemas.enable", "opt_schemas_off.opt_schemas_off.mem": "value.converter.schemas.enable",
				"opt_schemas_off.opt_schemas_off.tr": "value.converter.schemas.enable",
			},
		},
		{
			name: "JSON without schemas in other modes than the flags say", records: edited(reference.WithoutSchemas, onMySQL8("opt_time_isostring")),
			stopped: map[string]string{"opt_time_isostring.opt_time_isostring.t": "give --decimal-handling-mode", "opt_time_isostring.opt_time_isostring.k_dt": "give --decimal-handling-mode"},
		},
	}
}

// unnamed are types that Avro does not have without connect.meta.data.
var unnamed = []exception{
	{columns: "defaults.[dx].d", of: "CAST(date_diff('day', DATE '1970-01-01', {c}) AS BIGINT)"},
	{columns: "defaults.d.t", of: "epoch_us(CAST({c} AS TIME))"},
	{columns: "defaults.[dx].dt", of: "epoch_ms({c})"},
	{columns: "defaults.d.dt3", of: "epoch_ms({c})"},
	{columns: "defaults.d.cdt", of: "epoch_ms({c})"},
	{columns: "defaults.d.dt6", of: "epoch_us({c})"},
	{columns: "defaults.d.cdt6", of: "epoch_us({c})"},
	{columns: "defaults.d.ts", of: zoned},
	{columns: "defaults.d.ts6", of: zoned6},
	{columns: "defaults.d.ct", of: zoned},
	{columns: "defaults.d.ct6", of: zoned6},
	{columns: "defaults.d.ctn", of: zoned},
	{columns: "defaults.d.bi", of: "CAST(chr(CAST({c} AS INTEGER)) AS BLOB)"},
}

// A TIMESTAMP, and one of six digits, as ZonedTimestamp prints them.
const (
	zoned  = "strftime({c} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
	zoned6 = "strftime({c} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
)

// nulls are NULL in rows that have defaults in the base, where the converter wrote so.
var nulls = func() []exception {
	var all []exception
	for _, column := range []string{"i", "c", "d", "t", "dt", "dt3", "dt6", "ts6", "cdt", "y", "y2", "b", "f", "db", "de", "bu", "e", "s", "bi", "h", "neg", "sp", "q"} {
		all = append(all, exception{columns: "defaults.d." + column, of: "CASE WHEN id NOT IN (2, 4) THEN {c} END"})
	}
	return all
}()

var (
	doubles  = []exception{{columns: "decimals.[dk].[dnfk]*", of: "CAST(CAST({c} AS VARCHAR) AS DOUBLE)"}}
	decimals = []exception{{
		columns: "decimals.[dk].[dnfk]*", // DuckDB prints no zero before the point
		of:      "CASE WHEN CAST({c} AS VARCHAR) LIKE '.%' THEN '0' || {c} WHEN CAST({c} AS VARCHAR) LIKE '-.%' THEN '-0' || substr({c}::VARCHAR, 2) ELSE {c}::VARCHAR END",
	}}
	unsigned = "CAST(CASE WHEN {c} < 0 THEN CAST({c} AS HUGEINT) + 18446744073709551616 ELSE {c} END AS DECIMAL(20,0))"
	precise  = []exception{{columns: "ints.i*.gu", of: unsigned}, {columns: "ints.k_ubig.k", of: unsigned}, {columns: "ints.k_serial.k", of: unsigned}}
	base64   = binaries("to_base64({c})")
	urlSafe  = binaries("translate(to_base64({c}), '+/', '-_')")
	hex      = binaries("lower(hex({c}))")
	millis   = []exception{
		{columns: "temporal.t.dt*", of: "date_trunc('millisecond', {c})"},
		{columns: "temporal.k_dt.k", of: "date_trunc('millisecond', {c})"},
		{columns: "temporal.t.t[0-9]", of: "CASE WHEN {c} LIKE '%.%' THEN regexp_replace({c}, '...$', '000').regexp_replace('\\.000000$', '') ELSE {c} END"},
	}
	iso = []exception{
		{columns: "temporal.t.t[0-9]", of: "CASE WHEN {c} LIKE '%.%' THEN rtrim({c}, '0') ELSE {c} END || 'Z'"},
		{columns: "temporal.k_dt.k4", of: "CASE WHEN {c} LIKE '%.%' THEN rtrim({c}, '0') ELSE {c} END || 'Z'"},
	}
	// Debezium writes NULL for what 64 bits of nanoseconds cannot hold.
	nanos = []exception{{columns: "temporal.t.dt*", of: "CASE WHEN year({c}) BETWEEN 1678 AND 2261 THEN {c} END"}}
)

func binaries(of string) []exception {
	return []exception{{columns: "binary.b.[bvtmlc]*", of: of}, {columns: "binary.k*.k", of: of}, {columns: "binary.k.v", of: of}}
}

// modes are the connector's type modes, in each of the converters.
func modes() []form {
	var forms []form
	for _, set := range []struct {
		cases, flags []string
		exceptions   []exception
	}{
		{
			cases:      []string{"opt_decimal_double", "opt_time_connect", "opt_binary_hex", "opt_bigint_precise"},
			flags:      []string{"--decimal-handling-mode=double", "--time-precision-mode=connect", "--binary-handling-mode=hex", "--bigint-unsigned-handling-mode=precise"},
			exceptions: slices.Concat(doubles, millis, hex, precise),
		},
		{
			cases:      []string{"opt_decimal_string", "opt_time_isostring", "opt_binary_base64"},
			flags:      []string{"--decimal-handling-mode=string", "--time-precision-mode=isostring", "--binary-handling-mode=base64"},
			exceptions: slices.Concat(decimals, iso, base64),
		},
		{
			cases:      []string{"opt_time_micros", "opt_binary_urlsafe"},
			flags:      []string{"--time-precision-mode=microseconds", "--binary-handling-mode=base64-url-safe"},
			exceptions: urlSafe,
		},
		{cases: []string{"opt_time_nanos"}, flags: []string{"--time-precision-mode=nanoseconds"}, exceptions: nanos},
	} {
		name := strings.Join(set.cases, ", ")
		forms = append(forms,
			form{name: name, records: onMySQL8(set.cases...), exceptions: set.exceptions},
			form{name: name + " without schemas", records: edited(reference.WithoutSchemas, onMySQL8(set.cases...)), flags: set.flags, exceptions: set.exceptions},
			form{name: name + " in Avro", records: avro("opts", set.cases...), exceptions: set.exceptions},
		)
	}
	return forms
}

// adjusted are the names that field.name.adjustment.mode makes.
func adjusted(mode string) []exception {
	to := map[string][]string{
		"avro":         {"with_space", "_n_", "back_tick", "dot_name", "_1digit", "_d", "new_col", "_"},
		"avro_unicode": {"with_u0020space", "_u00fcn_u00ef", "back_u0060tick", "dot_u002ename", "_u0031digit", "_u0024d", "new_u0020col", "_u5217"},
	}[mode]
	var all []exception
	for i, name := range []string{"some_test_data.with space", "some_test_data.ünï", "some_test_data.back`tick", "some_test_data.dot.name", "some_test_data.1digit", "some_test_data.$d", "some_test_data.new col", "_.列"} {
		all = append(all, exception{columns: "names." + name, of: "{c}", name: to[i]})
	}
	return all
}

func names() []form {
	return []form{
		{name: "names for Avro", records: onMySQL8("opt_avro_names"), flags: []string{"--field-name-adjustment-mode=avro"}, exceptions: adjusted("avro")},
		{
			name: "names for Avro, without schemas", records: edited(reference.WithoutSchemas, onMySQL8("opt_avro_names")),
			flags: []string{"--field-name-adjustment-mode=avro"}, exceptions: adjusted("avro"),
		},
		{
			name: "names for Avro in Unicode, without schemas", records: edited(reference.WithoutSchemas, onMySQL8("opt_avro_unicode_names")),
			flags: []string{"--field-name-adjustment-mode=avro_unicode"}, exceptions: adjusted("avro_unicode"),
		},
	}
}

func unwrapped() []form {
	// Without a key, or with one that may be null, changes are appended. A row does not say how it came to be, and a
	// delete's null not which row it was.
	told := []exception{
		{columns: "keys.nokey.__op", of: "CASE WHEN {c} = 'd' THEN 'd' END"},
		{columns: "keys.nokey.[ab]", of: "CASE WHEN __op <> 'd' THEN {c} END"},
		{columns: "keys.uniqnull.__op", of: "CASE WHEN {c} = 'd' THEN 'd' END"},
	}
	// add.fields=op,table,source.ts_ms:ts,lsn
	added := []exception{
		{columns: "keys.*.+", name: "__table", of: "CAST('' AS VARCHAR)", unread: true}, {columns: "keys.*.+", name: "__ts", of: "CAST(0 AS BIGINT)", unread: true},
	}
	untold := exception{columns: "keys.nokey.[ab]", of: "CASE WHEN __op <> 'd' THEN {c} END"}
	return []form{
		{name: "unwrapped", records: onMySQL8("opt_unwrap"), exceptions: told},
		{name: "unwrapped in Avro", records: avro("opts", "opt_unwrap"), exceptions: told},
		{name: "unwrapped with deletes in the row", records: onMySQL8("opt_unwrap_rewrite", "opt_unwrap_rewrite_tombstone"), exceptions: added},
		{name: "unwrapped to tombstones", records: onMySQL8("opt_unwrap_to_tombstone"), exceptions: append(added, untold)},
		{
			name: "unwrapped without deletes", records: onMySQL8("opt_unwrap_drop"), without: []string{"opt_unwrap_drop.pkupd", "opt_unwrap_drop.pkcomp", "opt_unwrap_drop.uniq", "opt_unwrap_drop.comp"},
			exceptions: append(added, exception{columns: "keys.nokey.", where: "__op <> 'd'"}),
		},
		{
			name: "unwrapped without schemas", records: onMySQL8("opt_unwrap_off"),
			flags: []string{"--unwrap-add-fields=op,before.v,source.snapshot", "--unwrap-add-fields-prefix=m_"},
			exceptions: append(told,
				exception{columns: "keys.*.+", name: "m_op", of: "CAST('' AS VARCHAR)", unread: true},
				exception{columns: "keys.*.+", name: "m_source_snapshot", of: "CAST('' AS VARCHAR)", unread: true},
				exception{columns: "keys.comp.+", name: "m_before_v", of: "CAST('' AS VARCHAR)", unread: true},
				exception{columns: "keys.pkupd.+", name: "m_before_v", of: "CAST('' AS VARCHAR)", unread: true},
				exception{columns: "keys.pkcomp.+", name: "m_before_v", of: "CAST(0 AS BIGINT)", unread: true},
				exception{columns: "keys.uniq*.+", name: "m_before_v", of: "CAST(0 AS BIGINT)", unread: true},
			),
		},
	}
}
