package schemahistory

import "strings"

const charsetBinary = "binary"

// charsetOfCollation returns the character set that a collation orders, which
// it is named for. MariaDB's uca1400 collations order several: "".
func charsetOfCollation(collation string) string {
	if strings.HasPrefix(collation, "uca1400_") {
		return ""
	}
	charset, _, _ := strings.Cut(collation, "_")
	return charset
}

// sameCharset reports whether two names are one character set.
func sameCharset(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(charset string) string {
	if c := strings.ToLower(charset); c != "utf8" {
		return c
	}
	return "utf8mb3"
}

// covers reports whether every character of the set from exists in the set to.
func covers(to, from string) bool {
	to, from = canonical(to), canonical(from)
	if to == from || from == "ascii" && asciiBased(to) {
		return true
	}
	if to == charsetBinary || from == charsetBinary {
		return false
	}
	switch to {
	case "utf8mb4", "utf16", "utf16le", "utf32", "gb18030":
		return true
	case "utf8mb3", "ucs2":
		switch from {
		case "utf8mb4", "utf16", "utf16le", "utf32", "gb18030":
			return false
		}
		return true
	}
	return false
}

func asciiBased(charset string) bool {
	switch charset {
	case charsetBinary, "swe7", "sjis":
		return false
	}
	return true
}
