package chdb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/deploy/chdb"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
)

// The test binary is the engine's process where these are set.
const (
	addrEnv = "WEIR_TEST_CHDB_ADDR"
	dataEnv = "WEIR_TEST_CHDB_DATA"
)

func TestMain(m *testing.M) {
	addr := os.Getenv(addrEnv)
	if addr == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	library, err := parts.ChDB()
	if err == nil {
		err = chdb.Serve(ctx, chdb.Config{Addr: addr, DataDir: os.Getenv(dataEnv), LibPath: library})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func start(t *testing.T, data string) (*child.Child, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	engine, err := child.Start(t.Context(), child.Config{
		Executable: os.Args[0],
		Env:        append(os.Environ(), addrEnv+"="+addr, dataEnv+"="+data),
		ReadyURL:   "http://" + addr + "/ping",
		LogWriter:  os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Kill)
	return engine, addr
}

func dial(t *testing.T, addr string, method clickhouse.CompressionMethod) clickhouse.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{addr}, Compression: &clickhouse.Compression{Method: method},
		Settings: clickhouse.Settings{"max_threads": 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func exec(t *testing.T, conn clickhouse.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

const table = `CREATE TABLE IF NOT EXISTS rows (id UInt64, name LowCardinality(String), at DateTime64(3, 'UTC'),
	labels Map(LowCardinality(String), String), idx Array(Int16), counts Array(UInt64), u UUID, n Nullable(Float64))
	ENGINE = ReplacingMergeTree ORDER BY id`

func insert(t *testing.T, conn clickhouse.Conn, from, count int) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO rows (id, name, at, labels, idx, counts)")
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < from+count; i++ {
		err := batch.Append(uint64(i), fmt.Sprintf("näme'%d", i%7), time.UnixMilli(int64(i)), map[string]string{"topic": "orders\x00x"}, []int16{-1, 2}, []uint64{1, uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

func TestRowsSurviveSIGKILL(t *testing.T) {
	const count = 20_000
	data := t.TempDir()
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionGZIP} {
		t.Run(method.String(), func(t *testing.T) {
			engine, addr := start(t, data)
			conn := dial(t, addr, method)
			exec(t, conn, table)
			exec(t, conn, "TRUNCATE TABLE rows")
			checkEmpty(t, conn)
			insert(t, conn, 0, count)
			engine.Kill()
			_, addr = start(t, data)
			checkRows(t, dial(t, addr, method), count)
		})
	}
}

func checkEmpty(t *testing.T, conn clickhouse.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT * FROM rows")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if rows.Next() || rows.Err() != nil {
		t.Fatalf("an empty table gave a row or failed: %v", rows.Err())
	}
}

func checkRows(t *testing.T, conn clickhouse.Conn, count int) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT id, name, at, labels, idx, counts, n FROM rows FINAL ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var id uint64
		var name string
		var at time.Time
		var labels map[string]string
		var index []int16
		var counts []uint64
		var n *float64
		if err := rows.Scan(&id, &name, &at, &labels, &index, &counts, &n); err != nil {
			t.Fatal(err)
		}
		if id != uint64(seen) || name != fmt.Sprintf("näme'%d", seen%7) || at.UnixMilli() != int64(seen) || labels["topic"] != "orders\x00x" || index[0] != -1 || counts[1] != id || n != nil {
			t.Fatalf("row %d came back as %d %q %v %v %v %v %v", seen, id, name, at, labels, index, counts, n)
		}
		seen++
	}
	if err := rows.Err(); err != nil || seen != count {
		t.Fatalf("got %d rows of %d, %v", seen, count, err)
	}
}

func TestServerInterface(t *testing.T) {
	_, addr := start(t, t.TempDir())
	conn := dial(t, addr, clickhouse.CompressionLZ4)

	t.Run("settings and parameters", func(t *testing.T) {
		var threads uint8
		var word string
		ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{"word": "it's"}))
		if err := conn.QueryRow(ctx, "SELECT toUInt8(getSetting('max_threads')), {word:String}").Scan(&threads, &word); err != nil {
			t.Fatal(err)
		}
		if threads != 2 || word != "it's" {
			t.Errorf("got %d, %q", threads, word)
		}
	})
	t.Run("errors", func(t *testing.T) {
		for sql, want := range map[string]int32{"SELECT * FROM nowhere": 60, "SELEC 1": 62} {
			var failed *clickhouse.Exception
			if err := conn.Exec(t.Context(), sql); !errors.As(err, &failed) || failed.Code != want {
				t.Errorf("%s: got %v, want code %d", sql, err, want)
			}
		}
	})
	t.Run("curl", func(t *testing.T) {
		status, body := get(t, addr, url.Values{"query": {"SELECT 1 AS a, 'x' AS b"}, "default_format": {"CSV"}})
		if status != http.StatusOK || body != "1,\"x\"\n" {
			t.Errorf("got %d %q", status, body)
		}
		if status, body = get(t, addr, url.Values{"query": {"SELECT 1 AS a FORMAT JSONEachRow"}}); body != "{\"a\":1}\n" {
			t.Errorf("got %d %q", status, body)
		}
		if status, body = get(t, addr, url.Values{"query": {"DROP TABLE x"}}); status != http.StatusMethodNotAllowed {
			t.Errorf("a GET that writes: got %d %q", status, body)
		}
		if status, _ = get(t, addr, url.Values{"query": {"SELECT * FROM nowhere"}}); status != http.StatusNotFound {
			t.Errorf("unknown table: got %d", status)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		var group sync.WaitGroup
		for i := range 24 {
			group.Go(func() {
				var got uint64
				if err := conn.QueryRow(t.Context(), fmt.Sprintf("SELECT sum(number) + %d FROM numbers(100000)", i)).Scan(&got); err != nil || got != uint64(4999950000+i) {
					t.Errorf("query %d: got %d, %v", i, got, err)
				}
			})
		}
		group.Wait()
	})
}

func get(t *testing.T, addr string, params url.Values) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + addr + "/?" + params.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.ReplaceAll(string(body), "\r\n", "\n")
}

// TestStopIsClean also where queries run that would take a minute, of a client that waits and of one that has gone: they are cancelled.
func TestStopIsClean(t *testing.T) {
	engine, addr := start(t, t.TempDir())
	conn := dial(t, addr, clickhouse.CompressionNone)
	exec(t, conn, table)
	const minute = "SELECT sum(sleepEachRow(0.1)) FROM numbers(600) SETTINGS max_block_size = 1"
	leaving, leave := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for _, ctx := range []context.Context{t.Context(), leaving} {
		go func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/", strings.NewReader(minute))
			if err == nil {
				var response *http.Response
				if response, err = http.DefaultClient.Do(request); err == nil {
					err = errors.New(response.Header.Get("X-ClickHouse-Exception-Code"))
					_ = response.Body.Close()
				}
			}
			ended <- err
		}()
	}
	awaitQueries(t, conn, 2)
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the query of the client that leaves ends by %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	if err := engine.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := engine.Wait(); err != nil {
		t.Errorf("the engine ended with %v", err)
	}
	const cancelled = "394" // QUERY_WAS_CANCELLED
	if err := <-ended; err == nil || err.Error() != cancelled {
		t.Errorf("the query of the client that waits ends by %v, want error %s", err, cancelled)
	}
}

// awaitQueries waits until so many queries are running that sleep.
func awaitQueries(t *testing.T, conn clickhouse.Conn, want uint64) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		var running uint64
		err := conn.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE startsWith(query, 'SELECT sum(sleepEachRow')").Scan(&running)
		if err == nil && running == want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d queries are running, want %d: %v", running, want, err)
		case <-ticker.C:
		}
	}
}
