package mysql

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// greetedConn is a connection whose first packet, the server's greeting, was
// read already and is read again. Guarded, it refuses a server that asks for the
// password in clear text.
type greetedConn struct {
	net.Conn
	greeting []byte
	unread   []byte // of the greeting
	guarded  bool
	tripped  bool
}

func greet(socket net.Conn) (*greetedConn, error) {
	packet := make([]byte, packetHeader)
	if _, err := io.ReadFull(socket, packet); err != nil {
		return nil, err
	}
	n := int(packet[0]) | int(packet[1])<<8 // no greeting is longer
	packet = append(packet, make([]byte, n)...)
	if _, err := io.ReadFull(socket, packet[packetHeader:]); err != nil {
		return nil, err
	}
	return &greetedConn{Conn: socket, greeting: packet, unread: packet}, nil
}

// offersTLS reads the server's capabilities. An error in place of a greeting offers what is asked for.
func (g *greetedConn) offersTLS() bool {
	p := g.greeting[packetHeader:]
	if len(p) == 0 || p[0] == errPacket {
		return true
	}
	const afterVersion = 4 + 8 + 1 // the number of the connection, half the salt, a zero
	_, rest, ok := bytes.Cut(p[1:], []byte{0})
	if !ok || len(rest) < afterVersion+2 {
		return true
	}
	return uint32(binary.LittleEndian.Uint16(rest[afterVersion:]))&mysql.CLIENT_SSL != 0
}

// Read reads the greeting and what follows it.
func (g *greetedConn) Read(p []byte) (int, error) {
	if len(g.unread) > 0 {
		n := copy(p, g.unread)
		g.unread = g.unread[n:]
		return n, nil
	}
	n, err := g.Conn.Read(p)
	if g.guarded && bytes.Contains(p[:n], []byte("\xfemysql_clear_password")) {
		g.tripped = true
		return 0, errClearPassword
	}
	return n, err
}
