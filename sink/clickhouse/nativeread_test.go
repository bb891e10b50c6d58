package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	driverproto "github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// reader speaks as much of the native protocol as a query needs, and lets an engine answer over HTTP. The blocks are the engine's
// own, in its format Native, which is that of the protocol.
type reader struct {
	engine *engine
	mu     sync.Mutex
	// settings and compressed are of the newest query.
	settings   map[string]string
	compressed bool
	cut        bool // end the next answer with cells before its last packet
}

// listen takes connections until the listener is closed.
func (r *reader) listen(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			r.serve(conn)
		}()
	}
}

// serve answers one connection until the client ends it.
func (r *reader) serve(conn net.Conn) {
	in := proto.NewReader(conn)
	var hello proto.ClientHello
	var query proto.Query
	for {
		packet, err := in.ReadByte()
		if err != nil {
			return
		}
		var answer proto.Buffer
		switch proto.ClientCode(packet) {
		case proto.ClientCodeHello:
			err = hello.Decode(in)
			said := proto.ServerHello{Name: "native", Major: 26, Minor: 7, Revision: nativeRevision, Timezone: "UTC"}
			said.EncodeAware(&answer, nativeRevision)
		case proto.ClientCodeQuery:
			query = proto.Query{}
			err = query.DecodeAware(in, nativeRevision)
		case proto.ClientCodeData:
			if _, err = readBlock(in, query.Compression == proto.CompressionEnabled); err == nil {
				err = r.answer(&answer, &query, hello.Database)
			}
			if errors.Is(err, errCutOff) {
				_, _ = conn.Write(answer.Buf)
				return
			}
		case proto.ClientCodePing:
			answer.PutByte(byte(proto.ServerCodePong))
		default:
			err = fmt.Errorf("packet %d", packet)
		}
		if err != nil {
			failed := proto.Exception{Code: proto.ErrUnknownException, Name: "native", Message: err.Error()}
			answer.Reset()
			answer.PutByte(byte(proto.ServerCodeException))
			failed.EncodeAware(&answer, nativeRevision)
		}
		if _, err := conn.Write(answer.Buf); err != nil {
			return
		}
	}
}

// answer gives the blocks that the engine answers with.
func (r *reader) answer(answer *proto.Buffer, query *proto.Query, database string) error {
	parameters := url.Values{"database": {database}, "default_format": {"Native"}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settings, r.compressed = map[string]string{}, query.Compression == proto.CompressionEnabled
	for _, setting := range query.Settings {
		r.settings[setting.Key] = setting.Value
		parameters.Set(setting.Key, setting.Value)
	}
	response, err := http.Post("http://"+r.engine.addr+"/?"+parameters.Encode(), "text/plain", strings.NewReader(query.Body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(response.Body)
		return errors.Join(fmt.Errorf("%s", text), err)
	}
	blocks := proto.NewReader(response.Body)
	for sent := 0; ; sent++ {
		block := driverproto.NewBlock()
		err := block.Decode(blocks, 0)
		over := errors.Is(err, io.EOF)
		if err != nil && !over {
			return err
		}
		if over && sent > 0 {
			break
		}
		if err := appendBlock(answer, block, query.Compression == proto.CompressionEnabled); err != nil {
			return err
		}
		if over {
			break // an answer without rows has a block too
		}
	}
	if r.cut && strings.HasPrefix(query.Body, "SELECT `ts`") {
		r.cut = false
		return errCutOff
	}
	answer.PutByte(byte(proto.ServerCodeEndOfStream))
	return nil
}

var errCutOff = errors.New("the connection ends")

// TestHistoryIsReadByTheNativeProtocol as it is by HTTP: of what time there are cells, and the cells, in steps of one statement and of several.
func TestHistoryIsReadByTheNativeProtocol(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := newHistory(7)
	for _, batches := range h.telling() {
		s.write(batches...)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r := &reader{engine: s.engine}
	go r.listen(listener)
	opened, err := Open(t.Context(), Config{DSN: "clickhouse://" + listener.Addr().String() + "/" + s.database, OnError: func(err error) { t.Errorf("heard %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	native := &store{Store: opened, t: t, engine: s.engine, database: s.database}
	first, last, err := s.Held(t.Context())
	nativeFirst, nativeLast, nativeErr := native.Held(t.Context())
	if err != nil || nativeErr != nil || !first.Equal(nativeFirst) || !last.Equal(nativeLast) {
		t.Errorf("it holds %s to %s and %v, by HTTP %s to %s and %v", nativeFirst, nativeLast, nativeErr, first, last, err)
	}
	of := Range{From: first, To: last.Add(10 * time.Second)}
	for _, of.Omit = range []telemetry.Parts{0, telemetry.AllParts} {
		for _, reads := range []readSize{s.reads, {50, 20}} {
			native.reads = reads
			got := native.readBack(of)
			if diff := gocmp.Diff(s.readBack(of), got, emptyIsNil); diff != "" || len(got) < 2*reads.decoded && reads != s.reads {
				t.Fatalf("without parts %b %d cells come, in steps of %+v (-HTTP +native):\n%s", of.Omit, len(got), reads, diff)
			}
		}
	}
	if r.settings["max_block_size"] != fmt.Sprint(readBlockRows) || r.compressed {
		t.Errorf("the statement has the settings %v, compression %t", r.settings, r.compressed)
	}
	checkNativeFaults(t, r, listener.Addr().String(), s.database, of)
}

// checkNativeFaults reads compressed, an answer that is cut short, and one that is refused.
func checkNativeFaults(t *testing.T, r *reader, addr, database string, of Range) {
	var heard failures
	opened, err := Open(t.Context(), Config{DSN: "clickhouse://user:secret@" + addr + "/" + database + "?compress=lz4&max_execution_time=61", OnError: heard.add})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s := &store{Store: opened, t: t, engine: r.engine, database: database}
	want := s.readBack(of)
	if !r.compressed || r.settings["max_execution_time"] != "61" {
		t.Errorf("the statement has the settings %v, compression %t", r.settings, r.compressed)
	}
	r.cut = true
	if diff := gocmp.Diff(want, s.readBack(of), emptyIsNil); diff != "" || len(want) == 0 {
		t.Errorf("after an answer that was cut short (-want +got):\n%s", diff)
	}
	if told := heard.list(); len(told) != 2 || fmt.Sprint(told[0]) != "read: ClickHouse's answer is cut short: read: EOF" || told[1] != nil {
		t.Errorf("heard %v of an answer that was cut short", told)
	}
	err = opened.blocks.query(t.Context(), "SELECT throwIf(1, 'on purpose')", newCellBlock(&blockHead{}, 0), func() error { return nil })
	if err == nil || !strings.Contains(err.Error(), "ClickHouse answers: Code: 1002. Code: 395. DB::Exception: on purpose") {
		t.Errorf("got %v, want what ClickHouse says", err)
	}
}
