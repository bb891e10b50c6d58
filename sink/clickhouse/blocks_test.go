package clickhouse

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// rowsOfAnswer asks a server that answers so for blocks, and counts the rows.
func rowsOfAnswer(t *testing.T, parameters string, answer http.HandlerFunc) (rows int, err error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	options, err := parseDSN(strings.Replace(server.URL, "//", "//user:secret@", 1) + "/weir" + parameters)
	if err != nil {
		t.Fatal(err)
	}
	blocks := newBlockReader(options)
	defer blocks.close()
	b := newCellBlock(&blockHead{}, 0)
	err = blocks.query(t.Context(), "SELECT", b, func() error {
		rows += len(b.head.panes.values)
		return nil
	})
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("an error says the password: %v", err)
	}
	return rows, err
}

// TestAnswersThatBreakOffAreErrors, wherever they do and however ClickHouse says why.
func TestAnswersThatBreakOffAreErrors(t *testing.T) {
	t.Parallel()
	block := nativeBlock(t, 0, plainRow, fullRow)
	const why = "Code: 241. DB::Exception: memory limit exceeded (MEMORY_LIMIT_EXCEEDED) (version 26.7.1)"
	const broke = "ClickHouse broke its answer off: " + why
	tagged := "\r\n__exception__\r\nabcdefghijklmnop\r\n" + why + "\n93 abcdefghijklmnop\r\n__exception__\r\n"
	frame := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := frame.Compress(block); err != nil {
		t.Fatal(err)
	}
	write := func(parts ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(exceptionTag, "abcdefghijklmnop")
			for _, part := range parts {
				_, _ = io.WriteString(w, part)
			}
		}
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(2*len(block)))
		_, _ = w.Write(block)
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"+string(block))
	}
	refused := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			http.Error(w, why, status)
		}
	}
	for name, c := range map[string]struct {
		parameters string
		answer     http.HandlerFunc
		rows       int
		want       string
	}{
		"nothing":                  {"", write(), 0, "<nil>"},
		"two blocks":               {"", write(string(block), string(block)), 4, "<nil>"},
		"compressed":               {"?compress=lz4", write(string(frame.Data), string(frame.Data)), 4, "<nil>"},
		"a text after a block":     {"", write(string(block), why), 2, broke},
		"a tagged one":             {"", write(string(block), tagged), 2, broke},
		"within a block":           {"", write(string(block), string(block[:len(block)/2]), tagged), 2, broke},
		"behind compressed blocks": {"?compress=lz4", write(string(frame.Data), tagged), 2, broke},
		"half a block":             {"", write(string(block), string(block[:len(block)/2])), 2, "ClickHouse's answer is cut short: column segment_block: read: unexpected EOF"},
		"half a frame":             {"?compress=lz4", write(string(frame.Data), string(frame.Data[:30])), 2, "ClickHouse's answer is cut short: uvarint: read: read: read next block: read raw: unexpected EOF"},
		"a frame's head":           {"?compress=lz4", write(string(frame.Data), string(frame.Data[:25])), 2, "ClickHouse's answer is cut short: uvarint: read: read: read next block: read raw: EOF"},
		"less than its length":     {"", cut, 2, "ClickHouse's answer is cut short: uvarint: read: read: unexpected EOF"},
		"without a length":         {"", endless, 0, "ClickHouse's answer has no length and does not come in chunks, so that nobody sees where it is cut short: let what is in between keep HTTP/1.1"},
		"something else":           {"", write("<html>"), 0, "ClickHouse's answer is not what was asked for: a block has 60 columns, want 48"},
		"refused":                  {"", refused(500), 0, "ClickHouse answers 500 Internal Server Error: " + why},
		"refused compressed":       {"?compress=lz4", refused(403), 0, "ClickHouse answers 403 Forbidden: " + why},
		"led elsewhere":            {"", refused(307), 0, "ClickHouse answers 307 Temporary Redirect: " + why},
	} {
		rows, err := rowsOfAnswer(t, c.parameters, c.answer)
		if rows != c.rows || fmt.Sprint(err) != c.want {
			t.Errorf("%s: got %d rows and %v, want %d and %s", name, rows, err, c.rows, c.want)
		}
	}
}

// TestStatementsAreAskedWithTheDSN: who asks, of which database, with which settings.
func TestStatementsAreAskedWithTheDSN(t *testing.T) {
	t.Parallel()
	if _, err := rowsOfAnswer(t, "?max_execution_time=60", func(_ http.ResponseWriter, r *http.Request) {
		want := url.Values{"database": {"weir"}, "default_format": {"Native"}, "max_execution_time": {"60"}, "max_block_size": {fmt.Sprint(readBlockRows)}, finalByPartition: {"1"}}
		if got := r.URL.Query(); got.Encode() != want.Encode() || r.Header.Get("X-ClickHouse-User") != "user" || r.Header.Get("X-ClickHouse-Key") != "secret" {
			t.Errorf("asked with %v and %v, want %v", got, r.Header, want)
		}
	}); err != nil {
		t.Error(err)
	}
	for address, want := range map[string]bool{"127.0.0.1:8123": true, "[::1]:9000": true, "localhost": true, "10.0.0.1:8123": false, "clickhouse:8123": false} {
		if got := isLoopback(address); got != want {
			t.Errorf("%s is this machine: %t, want %t", address, got, want)
		}
	}
	for dsn, want := range map[string]bool{"http://host": true, "http://localhost": false, "clickhouse://host?compress=none": false, "http://127.0.0.1?compress=zstd": true} {
		options, err := parseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		a := asking{options: options, compression: options.Compression}
		if got := a.compressed(options.Addr[0]); got != want {
			t.Errorf("%s: blocks come compressed %t, want %t", dsn, got, want)
		}
	}
}

// TestHistoryIsReadAgain where the first answer with cells is cut short, from the second host where nobody listens on the first, and
// compressed: with the same cells.
func TestHistoryIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := newHistory(11)
	for _, batches := range h.telling() {
		s.write(batches...)
	}
	first, last, err := s.Held(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	of := Range{From: first, To: last.Add(10 * time.Second)}
	want := s.readBack(of)
	var cuts atomic.Int64
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sql, _ := io.ReadAll(r.Body)
		answer, err := http.Post("http://"+s.engine.addr+"/?"+r.URL.RawQuery, "text/plain", bytes.NewReader(sql))
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		if w.Header().Set("Content-Length", fmt.Sprint(len(body))); bytes.HasPrefix(sql, []byte("SELECT `ts`")) && cuts.Add(1) == 1 {
			body = body[:len(body)/2]
		}
		_, _ = w.Write(body)
	}))
	defer cutting.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for dsn, failures := range map[string]int{
		cutting.URL + "/" + s.database:                                               2, // with nil, which says that it is over
		gone.URL + "," + s.engine.addr + "/" + s.database:                            0,
		"http://" + s.engine.addr + "/" + s.database + "?compress=lz4&max_threads=1": 0,
	} {
		var heard []error
		opened, err := Open(t.Context(), Config{DSN: dsn, OnError: func(err error) { heard = append(heard, err) }})
		if err != nil {
			t.Fatal(err)
		}
		again := &store{Store: opened, t: t, engine: s.engine, database: s.database}
		if diff := gocmp.Diff(want, again.readBack(of), emptyIsNil); diff != "" || len(want) == 0 {
			t.Errorf("%s gives other cells (-want +got):\n%s", dsn, diff)
		}
		if len(heard) != failures || failures > 0 && !strings.Contains(heard[0].Error(), "read: ClickHouse's answer is cut short: ") {
			t.Errorf("%s: heard %v, want %d", dsn, heard, failures)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReadingEndsWhereAskingAgainDoesNotHelp: a column that was changed, a row that Weir did not write, a store without a DSN.
func TestReadingEndsWhereAskingAgainDoesNotHelp(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour)
	of := Range{From: begin, To: begin.Add(time.Minute), Labels: map[string]string{"topic": `it's\ "x"`, "group": "", "unknown": "x"}}
	labels := telemetry.Labels{Topic: `it's\ "x"`}
	s.write(telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: begin.Unix() / 60}, Cells: []telemetry.Cell{
		{Pane: begin, Labels: labels, Totals: telemetry.Totals{Reports: 1}}, {Pane: begin, Totals: telemetry.Totals{Reports: 1}}}})
	if got := s.readBack(of); len(got) != 1 || got[0].Labels.Topic != labels.Topic {
		t.Errorf("of a topic with quotes there is %+v", got)
	}
	read := func() error {
		err := s.ReadCells(t.Context(), of, func(*telemetry.StoredCells) error { return nil })
		if err == nil {
			return nil
		}
		_, text, _ := strings.Cut(err.Error(), fmt.Sprintf("read the cells of %s to %s: ", of.From.Format(time.RFC3339), of.To.Format(time.RFC3339)))
		return fmt.Errorf("%s", text)
	}
	of.Labels = nil
	s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, source, reports) VALUES (%d, 'x', 1)", begin.Unix()))
	if err := read(); fmt.Sprint(err) != `decode a row: source "x", want a topic's id of 32 hexadecimal digits, a slash and a partition` {
		t.Errorf("got %v of a row that Weir did not write", err)
	}
	s.query("ALTER TABLE rollup_10s MODIFY COLUMN interval_ms UInt32")
	if err := read(); fmt.Sprint(err) != "ClickHouse's answer is not what was asked for: column interval_ms is UInt32, want UInt64: change it back" {
		t.Errorf("got %v of a column that was changed", err)
	}
	bare := NewStore(s.conn, Config{})
	if err := bare.ReadCells(t.Context(), of, func(*telemetry.StoredCells) error { return nil }); err != errNoBlocks {
		t.Errorf("got %v, want %v", err, errNoBlocks)
	}
}

// TestLabelsThatAreDamaged are errors.
func TestLabelsThatAreDamaged(t *testing.T) {
	t.Parallel()
	whole := "\x04prod" + strings.Repeat("\x00", 13) + "\x02\x03a=b\x01="
	got, err := labelSets{}.of(whole)
	if err != nil || got.Env != "prod" || !slices.Equal(got.Extra, []telemetry.Label{{Name: "a", Value: "b"}, {}}) {
		t.Errorf("got %+v and %v", got, err)
	}
	for cut := range len(whole) {
		if _, err := (labelSets{}).of(whole[:cut]); err != errCutShort {
			t.Errorf("labels of %d bytes of %d: %v", cut, len(whole), err)
		}
	}
	for raw, want := range map[string]string{whole + "\x00": "1 bytes follow the last of them", strings.Replace(whole, "a=b", "a-b", 1): `extra label "a-b" has no =`} {
		if _, err := (labelSets{}).of(raw); fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
