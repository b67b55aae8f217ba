package debezium

import "math/big"

// AppendUnscaled appends a number as a Connect Decimal holds it: big-endian
// two's complement in as few bytes as can hold it.
func AppendUnscaled(dst []byte, i int64) []byte {
	n := 1
	for v := i; v > 127 || v < -128; v >>= 8 {
		n++
	}
	for n--; n >= 0; n-- {
		dst = append(dst, byte(i>>(8*n)))
	}
	return dst
}

// AppendUnscaledBig is [AppendUnscaled] for numbers of any size.
func AppendUnscaledBig(dst []byte, i *big.Int) []byte {
	if i.Sign() >= 0 {
		if i.BitLen()%8 == 0 {
			dst = append(dst, 0) // room for the sign; zero itself is one zero byte
		}
		return append(dst, i.Bytes()...)
	}
	// -i-1 has the inverted bits of i.
	inverted := new(big.Int).Not(i)
	n := len(dst)
	dst = AppendUnscaledBig(dst, inverted)
	for k := n; k < len(dst); k++ {
		dst[k] = ^dst[k]
	}
	return dst
}

// ParseUnscaled reads plain or scientific decimal text as the number times
// 10^scale, rounded half up as Java's BigDecimal does.
func ParseUnscaled(text string, scale int) (*big.Int, bool) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	num := new(big.Int).Abs(r.Num())
	num.Lsh(num, 1).Add(num, r.Denom())
	num.Quo(num, new(big.Int).Lsh(r.Denom(), 1))
	if r.Sign() < 0 {
		num.Neg(num)
	}
	return num, true
}
