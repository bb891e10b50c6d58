package clickhouse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	driverproto "github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"github.com/weirmq/weir/telemetry"
)

// nativeRevision of the protocol that the server speaks: one that knows settings by name.
const nativeRevision = 54441

// native speaks as much of ClickHouse's native protocol as an insert needs, as the
// engine has HTTP alone. It keeps what it was given.
type native struct {
	t          *testing.T
	hello      proto.ClientHello
	settings   []proto.Setting
	compressed bool
	inserted   []*driverproto.Block
}

// serve answers one connection.
func (n *native) serve(conn net.Conn) error {
	reader := proto.NewReader(conn)
	var query proto.Query
	for empty := 0; ; {
		packet, err := reader.ReadByte()
		if err != nil {
			return err
		}
		var answer proto.Buffer
		switch proto.ClientCode(packet) {
		case proto.ClientCodeHello:
			err = n.hello.Decode(reader)
			hello := proto.ServerHello{Name: "native", Major: 26, Minor: 7, Revision: nativeRevision, Timezone: "UTC"}
			hello.EncodeAware(&answer, nativeRevision)
		case proto.ClientCodeQuery:
			query, empty = proto.Query{}, 0
			err = query.DecodeAware(reader, nativeRevision)
		case proto.ClientCodeData:
			var block *driverproto.Block
			if block, err = readBlock(reader, query.Compression == proto.CompressionEnabled); err != nil || block.Rows() > 0 {
				n.inserted = append(n.inserted, block)
				break
			}
			empty++
			err = n.answer(&answer, &query, empty)
		default:
			err = fmt.Errorf("packet %d", packet)
		}
		if err == nil {
			_, err = conn.Write(answer.Buf)
		}
		if err != nil {
			return err
		}
	}
}

// answer is what follows the empty block that ends a statement, and the one that ends an
// insert's rows.
func (n *native) answer(answer *proto.Buffer, query *proto.Query, empty int) error {
	isInsert := strings.HasPrefix(query.Body, "INSERT INTO rollup_10s (")
	switch {
	case isInsert && empty == 1:
		n.settings, n.compressed = query.Settings, query.Compression == proto.CompressionEnabled
		return appendBlock(answer, newBlock(n.t), n.compressed)
	case !isInsert:
		block := driverproto.NewBlock()
		if err := errors.Join(block.AddColumn("count()", "UInt64"), block.Append(uint64(1))); err != nil {
			return err
		}
		if err := appendBlock(answer, block, query.Compression == proto.CompressionEnabled); err != nil {
			return err
		}
	}
	answer.PutByte(byte(proto.ServerCodeEndOfStream))
	return nil
}

func readBlock(reader *proto.Reader, compressed bool) (*driverproto.Block, error) {
	if _, err := reader.Str(); err != nil {
		return nil, err
	}
	if compressed {
		reader.EnableCompression()
		defer reader.DisableCompression()
	}
	block := driverproto.NewBlock()
	return block, block.Decode(reader, nativeRevision)
}

func appendBlock(to *proto.Buffer, block *driverproto.Block, compressed bool) error {
	to.PutByte(byte(proto.ServerCodeData))
	to.PutString("")
	var encoded proto.Buffer
	err := block.EncodeHeader(&encoded, nativeRevision)
	for i, c := range block.Columns {
		if block.Rows() == 0 { // a server writes no state then
			encoded.PutString(c.Name())
			encoded.PutString(string(c.Type()))
			continue
		}
		err = errors.Join(err, block.EncodeColumn(&encoded, nativeRevision, i))
	}
	if !compressed {
		to.PutRaw(encoded.Buf)
		return err
	}
	writer := compress.NewWriter(compress.LevelZero, compress.LZ4)
	err = errors.Join(err, writer.Compress(encoded.Buf))
	to.PutRaw(writer.Data)
	return err
}

// valuesIn are a block's rows as text.
func valuesIn(block *driverproto.Block) []string {
	rows := make([]string, block.Rows())
	for i := range rows {
		for _, c := range block.Columns {
			rows[i] += fmt.Sprintf("%s=%v ", c.Name(), c.Row(i, false))
		}
	}
	return rows
}

// TestTheNativeProtocolCarriesTheSame: what arrives, with login, compression and TLS, is
// what the driver's own Append of rows would have sent.
func TestTheNativeProtocolCarriesTheSame(t *testing.T) {
	t.Parallel()
	authority := httptest.NewTLSServer(nil)
	defer authority.Close()
	random := rand.New(rand.NewPCG(1, 0))
	batches := slices.Concat(benchmarkBatches(300), newHistory(1).telling()[0])
	batches[0].Cells[0].Totals, batches[0].Cells[0].Labels.Extra = extremes("native"), []telemetry.Label{{Name: "zone", Value: fmt.Sprint(random.Int())}}
	for i := range batches {
		batches[i].Ledger = nil // written by rows
	}
	var sent proto.Buffer
	byRows(t, batches, &sent)
	want := driverproto.NewBlock()
	if err := want.Decode(sent.Reader(), 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, parameters string
		secure           bool
	}{{name: "plain"}, {"TLS", "?secure=true&skip_verify=true", true}} {
		t.Run(c.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if c.secure {
				listener = tls.NewListener(listener, &tls.Config{Certificates: authority.TLS.Certificates})
			}
			n, served := &native{t: t}, make(chan error, 1)
			go func() {
				conn, err := listener.Accept()
				if err == nil {
					defer conn.Close()
					err = n.serve(conn)
				}
				served <- err
			}()
			s, err := Open(t.Context(), Config{DSN: "clickhouse://user:p%40ss@" + listener.Addr().String() + "/weir" + c.parameters,
				OnError: func(err error) { t.Errorf("heard %v", err) }})
			if err != nil {
				t.Fatal(err)
			}
			table := tableOf(t, batches...)
			s.sightings.take(table) // the inventory is written by rows
			if err := s.WriteCells(t.Context(), table); err != nil {
				t.Fatal(err)
			}
			_ = s.Close()
			_ = listener.Close()
			if err := <-served; !errors.Is(err, io.EOF) {
				t.Errorf("the server ended with %v", err)
			}
			n.expect(t, want)
		})
	}
}

func (n *native) expect(t *testing.T, want *driverproto.Block) {
	t.Helper()
	if n.hello.User != "user" || n.hello.Password != "p@ss" || n.hello.Database != "weir" || !n.compressed {
		t.Errorf("got user %q, password %q, database %q, compression %t", n.hello.User, n.hello.Password, n.hello.Database, n.compressed)
	}
	if !slices.ContainsFunc(n.settings, func(s proto.Setting) bool { return s.Key == "deduplicate_insert" && s.Value == "disable" }) {
		t.Errorf("got settings %v, want deduplication off", n.settings)
	}
	if len(n.inserted) != 1 {
		t.Fatalf("got %d blocks, want one", len(n.inserted))
	}
	got := n.inserted[0]
	for i, c := range got.Columns {
		if w := want.Columns[i]; w.Name() != c.Name() || w.Type() != c.Type() || column.Type(cellColumns[i].kind) != c.Type() {
			t.Errorf("column %d is %s %s, want %s %s", i, c.Name(), c.Type(), w.Name(), w.Type())
		}
	}
	wantRows, gotRows := valuesIn(want), valuesIn(got)
	if len(gotRows) != len(wantRows) {
		t.Fatalf("got %d rows, want %d", len(gotRows), len(wantRows))
	}
	for i := range wantRows {
		if wantRows[i] != gotRows[i] {
			t.Fatalf("row %d is\n%s\nwant\n%s", i, gotRows[i], wantRows[i])
		}
	}
}
