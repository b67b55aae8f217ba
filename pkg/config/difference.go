package config

// difference is a setting whose default in Debezium falsifies data.
type difference struct{ property, value, theirs, lapse string }

func (f *Format) differences() []difference {
	yes := map[bool]string{true: "true", false: "false"}
	return []difference{
		{"bigint.unsigned.handling.mode", f.BigintUnsignedHandlingMode, "long", "BIGINT UNSIGNED from 2^63 on reads as a negative number"},
		{"event.converting.failure.handling.mode", f.EventConvertingFailureHandlingMode, "warn", "a value that cannot be converted reads as null"},
		{"skipped.operations", f.SkippedOperations, "t", "TRUNCATE is not published, so its rows stay"},
		{"replace.null.with.default", yes[f.ReplaceNullWithDefault], "true", "NULL reads as the column's default"},
	}
}

// OtherDefaults returns, for the start of the log, the settings that differ
// from Debezium's defaults because those falsify data: property=value.
func (f *Format) OtherDefaults() []string {
	var out []string
	for _, d := range f.differences() {
		if d.value != d.theirs {
			out = append(out, d.property+"="+d.value)
		}
	}
	return out
}

// LapsedPromises returns what no longer holds, because a setting is as
// Debezium's default has it, or goes on where Debezium does.
func (r *Reader) LapsedPromises() []string {
	var out []string
	for _, d := range r.differences() {
		if d.value == d.theirs {
			out = append(out, d.property+"="+d.value+": "+d.lapse)
		}
	}
	if r.Unwrap && r.SkippedOperations != "t" {
		out = append(out, "--unwrap: TRUNCATE is not published, so its rows stay")
	}
	if r.Unwrap && r.UnwrapReplaceNullWithDefault && !r.ReplaceNullWithDefault {
		out = append(out, "--unwrap-replace-null-with-default: NULL reads as the column's default")
	}
	if r.DebeziumDefaults && (!r.Tinyint1ToBoolean.Empty() || !r.TinyintToBoolean.Empty()) {
		out = append(out, "TinyIntOneToBooleanConverter: TINYINT UNSIGNED above 127 streams as false")
	}
	if r.DebeziumDefaults && r.AllowFKCascade {
		out = append(out, "--allow-fk-cascade: what foreign-key actions change, MySQL before 9.6 does not log")
	}
	if r.DebeziumDefaults && r.OnUnloggedChange == "mark" {
		out = append(out, "--on-unlogged-change=mark: a table whose rows a statement changed unlogged differs from then on, which /status says")
	}
	return out
}
