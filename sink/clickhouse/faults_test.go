package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// awaitFailure waits until a store has reported an error with a text in it, behind the first ones.
func awaitFailure(t *testing.T, heard *failures, behind int, want string) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(6 * promptly)
	defer deadline.Stop()
	for {
		for _, err := range heard.list()[behind:] {
			if err != nil && strings.Contains(err.Error(), want) {
				return
			}
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("heard %v, want %q", heard.list(), want)
		}
	}
}

// TestWritesWaitUntilTheEngineTakesThem, say what is wrong and what to do, and lose nothing.
func TestWritesWaitUntilTheEngineTakesThem(t *testing.T) {
	t.Parallel()
	var heard failures
	s := openStore(t, shared, shared.database(t), heard.add)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch := 0
	if err := s.WriteCells(t.Context(), tableOf(t, outageBatch(batch))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ broken, mended, want string }{
		"too many parts": {"ALTER TABLE rollup_10s MODIFY SETTING parts_to_throw_insert = 1", "ALTER TABLE rollup_10s RESET SETTING parts_to_throw_insert",
			"insert: ClickHouse has too many parts: it merges them slower than rows come, and takes none until it has caught up; see system.merges"},
		"the disk is full": {"ALTER TABLE rollup_10s MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000", "ALTER TABLE rollup_10s RESET SETTING min_free_disk_bytes_to_perform_insert",
			"insert: ClickHouse's disk is full; free or add space, or keep rows for a shorter time by clickhouse.retention: "},
		"a table is away": {"RENAME TABLE ledger TO elsewhere", "RENAME TABLE elsewhere TO ledger",
			"insert: the tables are not as Weir made them; put back what the message names"},
		"a column is away": {"ALTER TABLE ledger RENAME COLUMN refused TO declined", "ALTER TABLE ledger RENAME COLUMN declined TO refused",
			"refused"},
		"a column is another's": {"ALTER TABLE rollup_10s MODIFY COLUMN messages UInt32", "ALTER TABLE rollup_10s MODIFY COLUMN messages UInt64",
			"column messages is UInt32, want UInt64: change it back"},
	} {
		t.Run(name, func(t *testing.T) {
			batch++
			before := len(heard.list())
			s.query(c.broken)
			written := make(chan error, 1)
			go func() { written <- s.WriteCells(t.Context(), tableOf(t, outageBatch(batch))) }()
			awaitFailure(t, &heard, before, c.want)
			s.query(c.mended)
			if err := <-written; err != nil {
				t.Error(err)
			}
			s.expect(storedSums, fmt.Sprintf("%[1]d\t%[1]d\t%[1]d", 500*(batch+1)))
		})
	}
}

// TestAUserWhoMayOnlyReadIsToldSo: what the user of another store writes is there.
func TestAUserWhoMayOnlyReadIsToldSo(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var heard failures
	reading, err := Open(t.Context(), Config{DSN: "http://" + shared.addr + "/" + s.database + "?readonly=1", OnError: heard.add})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { written <- reading.WriteCells(ctx, tableOf(t, outageBatch(0))) }()
	awaitFailure(t, &heard, 0, "ClickHouse lets the user only read; give the user of clickhouse.dsn a profile without readonly: ")
	cancel()
	<-written
	if err := s.WriteCells(t.Context(), tableOf(t, outageBatch(0))); err != nil {
		t.Fatal(err)
	}
	s.expect(storedSums, "500\t500\t500")
}

// inBetween passes everything on to the engine but for the first inserts, which it answers itself.
type inBetween struct {
	engine *httputil.ReverseProxy
	answer http.HandlerFunc
	mu     sync.Mutex
	left   int
}

func (b *inBetween) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	answers := strings.HasPrefix(r.URL.Query().Get("query"), "INSERT INTO rollup_10s") && b.left > 0
	if answers {
		b.left--
	}
	b.mu.Unlock()
	if answers {
		b.answer(w, r)
		return
	}
	b.engine.ServeHTTP(w, r)
}

// TestWritesOutlastWhatAnswersInBetween: what the embedded engine cannot be brought to, as it has neither users nor replicas, and
// pages of proxies. A page with the status 200 is not taken for an acknowledgement.
func TestWritesOutlastWhatAnswersInBetween(t *testing.T) {
	t.Parallel()
	exception := func(code, status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(code))
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "Code: %d. DB::Exception: %s", code, text)
		}
	}
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "<html><head><title>Please log in</title></head><body>%s</body></html>", strings.Repeat("<p>Welcome</p>", 1000))
		}
	}
	answer := func(status int, kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			w.Header().Set("Location", "/login")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	direct, written := newStore(t), 0
	const login = "ClickHouse refuses the user or the password; give both in clickhouse.dsn: "
	const between = "not ClickHouse but something in between answers at the address of clickhouse.dsn, with HTTP status "
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"no such user":                 {exception(516, http.StatusForbidden, "weir: Authentication failed: password is incorrect, or there is no user with such name"), login},
		"a wrong password":             {exception(193, http.StatusForbidden, "Wrong password for user weir"), login},
		"a replica without Keeper":     {exception(242, http.StatusInternalServerError, "Table is in readonly mode"), "a table is read-only, as where a replica has lost its Keeper; see system.replicas"},
		"a missing grant":              {exception(497, http.StatusForbidden, "weir: Not enough privileges. To execute this query, it's necessary to have the grant INSERT"), "the user lacks a grant; grant what the message names"},
		"a proxy that has no server":   {page(http.StatusBadGateway), between + `502 and a web page titled "Please log in"; see what is there`},
		"a page in place of an answer": {page(http.StatusOK), between + `200 and a web page titled "Please log in"`},
		"a page of no type":            {answer(http.StatusOK, "", "<!DOCTYPE html><title>Please log in</title>"), between + `200 and a web page titled "Please log in"`},
		"an answer that is none":       {answer(http.StatusOK, "application/json", `{"maintenance": true}`), between + `200 and "{\"maintenance\": true}", where ClickHouse says nothing`},
		"another address":              {answer(http.StatusFound, "text/plain", "gone there"), between + "302, which leads to /login"},
		"another address for inserts":  {answer(http.StatusTemporaryRedirect, "text/plain", "gone there"), between + "307, which leads to /login"},
		"a file system without room": {exception(75, http.StatusInternalServerError, "Cannot write to file /data/store/tmp: , errno: 28, strerror: No space left on device"),
			"ClickHouse's disk is full; free or add space"},
	} {
		t.Run(name, func(t *testing.T) {
			between := &inBetween{engine: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: shared.addr}), answer: c.answer, left: 3}
			server := httptest.NewServer(between)
			defer server.Close()
			var heard failures
			s, err := Open(t.Context(), Config{DSN: server.URL + "/" + direct.database, OnError: heard.add})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.WriteCells(t.Context(), tableOf(t, outageBatch(written))); err != nil {
				t.Fatal(err)
			}
			written++
			direct.expect(storedSums, fmt.Sprintf("%[1]d\t%[1]d\t%[1]d", 500*written))
			awaitFailure(t, &heard, 0, c.want)
			for _, err := range heard.list() {
				if err != nil && len(err.Error()) > 1000 {
					t.Errorf("an error has %d letters: %v", len(err.Error()), err)
				}
			}
		})
	}
}

// TestAnAnswerThatIsNoneIsToldSo: what answers a question with anything else than ClickHouse's format, or nothing.
func TestAnAnswerThatIsNoneIsToldSo(t *testing.T) {
	t.Parallel()
	for kind, text := range map[string]string{"application/json": `{"maintenance": true}`, "text/plain": "Ok.\n", "": "", "application/octet-stream": "<html>"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			_, _ = io.WriteString(w, text)
		}))
		ctx, cancel := context.WithCancel(t.Context())
		var told error
		s, err := Open(ctx, Config{DSN: server.URL, OnError: func(err error) { told = err; cancel() }})
		if err == nil {
			_ = s.Close()
		}
		server.Close()
		if err == nil || told == nil || !strings.Contains(told.Error(), "what answers at the address of clickhouse.dsn does not answer as ClickHouse does; see what is there, such as a proxy") {
			t.Errorf("%s %q: told %v, ends with %v", kind, text, told, err)
		}
	}
}

// TestInsertsOpenConnections: what a connection asks first is answered with something.
func TestInsertsOpenConnections(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var running sync.WaitGroup
	for i := range 3 { // more than are open
		running.Go(func() {
			if err := s.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO rollup_marks (name, added_up) SELECT 'rollup_%d', now() + sleep(0.5)", i)); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	s.expect("SELECT count() FROM rollup_marks WHERE startsWith(name, 'rollup_')", "3")
}

// TestWhatIsAddedUpOutlastsWhatAnswersInBetween: what ClickHouse is to insert of its own rows is not taken for inserted either.
func TestWhatIsAddedUpOutlastsWhatAnswersInBetween(t *testing.T) {
	t.Parallel()
	direct := newStore(t)
	minute := time.Now().UTC().Truncate(time.Minute).Add(-5 * time.Minute)
	direct.came(minute, minute, "a")
	engine := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: shared.addr})
	answered := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(string(body), "INSERT INTO rollup_1m") && answered == 0 {
			answered++
			_, _ = io.WriteString(w, "under maintenance")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		engine.ServeHTTP(w, r)
	}))
	defer server.Close()
	s, err := Open(t.Context(), Config{DSN: server.URL + "/" + direct.database + "?compress=none"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := s.NewCompactor(func(Compaction) {})
	c.spare = time.Hour
	if err := c.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "under maintenance") {
		t.Errorf("a text in place of an answer: %v", err)
	}
	c.levels[0].looked = time.Time{}
	if err := c.Round(t.Context()); err != nil {
		t.Error(err)
	}
	if direct.expect("SELECT sum(messages) FROM rollup_1m FINAL", "1"); answered != 1 {
		t.Errorf("%d statements were answered in between", answered)
	}
}
