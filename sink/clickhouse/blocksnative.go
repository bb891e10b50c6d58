package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// nativeBlocks asks by the native protocol. It speaks as much of it as reading needs: ch-go has a client, which brings libraries
// for logs, traces and SSH along.
type nativeBlocks struct{ asking }

// readRevision is the protocol's that reading speaks. Not older: servers of today know it with all that a query has; not newer: from
// 54451 on they send events of a query's profile, and from 54454 on columns that leave default values out.
const readRevision = 54449

func (*nativeBlocks) close() {}

func (n *nativeBlocks) query(ctx context.Context, sql string, result proto.Result, onBlock func() error) error {
	return n.each(func(address string) error {
		conn, err := n.dial(ctx, address)
		if err != nil {
			return fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		c := &nativeConn{in: proto.NewReader(conn), compressed: n.compressed(address)}
		err = c.ask(conn, n, sql)
		if err == nil {
			err = c.answer(result, onBlock)
		}
		if ctx.Err() != nil && err != nil {
			return context.Cause(ctx)
		}
		return err
	})
}

func (n *nativeBlocks) dial(ctx context.Context, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: n.options.DialTimeout}
	if n.options.TLS == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: n.options.TLS}).DialContext(ctx, "tcp", address)
}

// nativeConn is one statement's.
type nativeConn struct {
	in         *proto.Reader
	revision   int
	compressed bool
}

// ask greets and sends a statement.
func (c *nativeConn) ask(conn net.Conn, n *nativeBlocks, sql string) error {
	var out proto.Buffer
	auth := n.options.Auth
	proto.ClientHello{Name: "weir", ProtocolVersion: readRevision, Database: auth.Database, User: userOrDefault(auth.Username), Password: auth.Password}.Encode(&out)
	if _, err := conn.Write(out.Buf); err != nil {
		return fmt.Errorf("greet ClickHouse: %w", err)
	}
	packet, err := c.in.ReadByte()
	if err == nil {
		switch proto.ServerCode(packet) {
		case proto.ServerCodeHello:
		case proto.ServerCodeException:
			return c.exception()
		default:
			return fmt.Errorf("greet ClickHouse: it answers with packet %d", packet)
		}
	}
	var hello proto.ServerHello
	if err == nil {
		err = hello.DecodeAware(c.in, readRevision)
	}
	if err != nil {
		return fmt.Errorf("greet ClickHouse: %w", err)
	}
	c.revision = min(readRevision, hello.Revision)
	query := proto.Query{Body: sql, Stage: proto.StageComplete, Compression: proto.CompressionDisabled,
		Info: proto.ClientInfo{ProtocolVersion: readRevision, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial, InitialAddress: conn.LocalAddr().String(), ClientName: "weir"}}
	if c.compressed {
		query.Compression = proto.CompressionEnabled
	}
	for _, name := range n.settingNames() {
		query.Settings = append(query.Settings, proto.Setting{Key: name, Value: n.settings[name], Important: true})
	}
	out.Reset()
	query.EncodeAware(&out, c.revision)
	if err := c.endOfTables(&out); err != nil {
		return err
	}
	if _, err := conn.Write(out.Buf); err != nil {
		return fmt.Errorf("send ClickHouse the statement: %w", err)
	}
	return nil
}

// userOrDefault is who asks where the DSN names nobody.
func userOrDefault(user string) string {
	if user == "" {
		return "default"
	}
	return user
}

// endOfTables appends the empty block that says that no tables come along with a statement.
func (c *nativeConn) endOfTables(out *proto.Buffer) error {
	proto.ClientCodeData.Encode(out)
	proto.ClientData{}.EncodeAware(out, c.revision)
	var block proto.Buffer
	proto.Block{}.EncodeAware(&block, c.revision)
	if c.compressed {
		frame := compress.NewWriter(compress.LevelZero, compress.LZ4)
		if err := frame.Compress(block.Buf); err != nil {
			return fmt.Errorf("compress a block: %w", err)
		}
		block.Buf = frame.Data
	}
	out.PutRaw(block.Buf)
	return nil
}

// answer reads what ClickHouse sends until it says that this was all.
func (c *nativeConn) answer(result proto.Result, onBlock func() error) error {
	for {
		packet, err := c.in.ReadByte()
		if err != nil {
			return fmt.Errorf("ClickHouse's answer is cut short: %w", err)
		}
		switch proto.ServerCode(packet) {
		case proto.ServerCodeEndOfStream:
			return nil
		case proto.ServerCodeException:
			return c.exception()
		case proto.ServerCodeProgress:
			err = (&proto.Progress{}).DecodeAware(c.in, c.revision)
		case proto.ServerCodeProfile:
			err = (&proto.Profile{}).DecodeAware(c.in, c.revision)
		case proto.ServerCodeData:
			err = c.block(result, onBlock)
		default:
			return fmt.Errorf("ClickHouse answers with packet %d, which is none of a statement's that reads", packet)
		}
		if err != nil {
			return err
		}
	}
}

// block reads a packet with rows. The first has none, and says of which types they are.
func (c *nativeConn) block(result proto.Result, onBlock func() error) error {
	table, err := c.in.Str()
	if err == nil && table != "" {
		return fmt.Errorf("ClickHouse answers with the table %q", table)
	}
	if c.compressed {
		c.in.EnableCompression()
		defer c.in.DisableCompression()
	}
	var block proto.Block
	if err == nil {
		err = block.DecodeBlock(c.in, c.revision, result)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("ClickHouse's answer is cut short: %w", err)
	}
	if err != nil {
		return fmt.Errorf("ClickHouse's answer is not what was asked for: %w", err)
	}
	if block.Rows == 0 {
		return nil
	}
	return onBlock()
}

// exception reads what went wrong.
func (c *nativeConn) exception() error {
	var e proto.Exception
	if err := e.DecodeAware(c.in, c.revision); err != nil {
		return fmt.Errorf("read what ClickHouse says about an error: %w", err)
	}
	return fmt.Errorf("ClickHouse answers: Code: %d. %s", int(e.Code), e.Message)
}
