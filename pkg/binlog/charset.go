package binlog

// charsetOf returns the name of a collation's character set, "" for ids that
// neither MySQL 9 nor MariaDB 11 knows.
func charsetOf(collation uint16) string {
	id := int(collation)
	if id > nopadOffset && id < uca1400Offset {
		id -= nopadOffset
	}
	if id > 0 && id <= len(oldCharsets) {
		return oldCharsets[id-1]
	}
	if id >= uca1400Offset {
		i := (id - uca1400Offset) / uca1400Count
		return [...]string{"utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32", ""}[min(i, 5)]
	}
	for i := range charsetRanges {
		if r := &charsetRanges[i]; id >= r.first && id <= r.last {
			return r.charset
		}
	}
	return ""
}

const (
	nopadOffset   = 1024 // MariaDB: x_nopad_y is 1024 after x_y
	uca1400Offset = 2048 // MariaDB 10.10
	uca1400Count  = 256  // for each Unicode character set
)

// charsetRanges holds the collations from 100 on.
var charsetRanges = [...]struct {
	first, last int
	charset     string
}{
	{101, 127, "utf16"},
	{128, 159, "ucs2"},
	{160, 191, "utf32"},
	{192, 223, "utf8mb3"},
	{224, 247, "utf8mb4"},
	{248, 250, "gb18030"},
	{255, 511, "utf8mb4"},
	{576, 607, "utf8mb3"},
	{608, 639, "utf8mb4"},
	{640, 671, "ucs2"},
	{672, 703, "utf16"},
	{736, 767, "utf32"},
}

// oldCharsets holds the collations 1 to 99.
var oldCharsets = [...]string{
	"big5", "latin2", "dec8", "cp850", "latin1", "hp8", "koi8r", "latin1", "latin2", "swe7", "ascii", "ujis",
	"sjis", "cp1251", "latin1", "hebrew", "", "tis620", "euckr", "latin7", "latin2", "koi8u", "cp1251", "gb2312",
	"greek", "cp1250", "latin2", "gbk", "cp1257", "latin5", "latin1", "armscii8", "utf8mb3", "cp1250", "ucs2",
	"cp866", "keybcs2", "macce", "macroman", "cp852", "latin7", "latin7", "macce", "cp1250", "utf8mb4",
	"utf8mb4", "latin1", "latin1", "latin1", "cp1251", "cp1251", "cp1251", "macroman", "utf16", "utf16",
	"utf16le", "cp1256", "cp1257", "cp1257", "utf32", "utf32", "utf16le", "binary", "armscii8", "ascii",
	"cp1250", "cp1256", "cp866", "dec8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "utf8mb3",
	"latin2", "latin5", "latin7", "cp850", "cp852", "swe7", "utf8mb3", "big5", "euckr", "gb2312", "gbk", "sjis",
	"tis620", "ucs2", "ujis", "geostd8", "geostd8", "latin1", "cp932", "cp932", "eucjpms", "eucjpms", "cp1250",
}
