package clickhouse

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAWrongDSNIsRefused at once, with what is wanted and without the password.
func TestAWrongDSNIsRefused(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"",
		"clickhouse",
		"host:8123/db",
		"://user:secret@host",
		"ftp://user:secret@host/db",
		"htp://user:secret@host:8123/db",
		"http://user:sec%zzret@host/db?password=secret",
		"http://user:secret@/db",
		"http://user:secret@host:port/db",
		"http://user:secret@host/db?dial_timeout=secret",
		"http://user:secret@host/db?secure=true",
		"http://user:secret\n@host/db",
	} {
		within(t, promptly, func() {
			s, err := Open(t.Context(), Config{DSN: dsn})
			if err == nil {
				_ = s.Close()
				t.Errorf("%q was accepted", dsn)
				return
			}
			if text := err.Error(); strings.Contains(text, "secret") || !strings.Contains(text, "clickhouse.dsn: want http://, https:// or clickhouse://") {
				t.Errorf("%q: got %v, want what is wanted, and no password", dsn, err)
			}
		})
	}
}

// TestDSNs says where each leads.
func TestDSNs(t *testing.T) {
	for dsn, want := range map[string]struct {
		addr, database string
		secure         bool
	}{
		"http://host:8123/weir":                                 {"host:8123", "weir", false},
		"http://user:p%40ss@host:8123":                          {"host:8123", "", false},
		"https://user:pass@host:8443/weir":                      {"host:8443", "weir", true},
		"https://user:pass@host:8443/weir?secure=true":          {"host:8443", "weir", true},
		"https://host:8443/weir?max_execution_time=60":          {"host:8443", "weir", true},
		"clickhouse://user:pass@host:9000/weir":                 {"host:9000", "weir", false},
		"clickhouse://host:9440,other:9440/weir?secure=true":    {"host:9440,other:9440", "weir", true},
		"https://host:8443,other:8443/weir?skip_verify=true":    {"host:8443,other:8443", "weir", true},
		"http://host:8123/weir?username=user&password=secret":   {"host:8123", "weir", false},
		"https://host:8443/weir?password=a%26secure%3Dfalse%3F": {"host:8443", "weir", true},
	} {
		options, err := parseDSN(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if addr := strings.Join(options.Addr, ","); addr != want.addr || options.Auth.Database != want.database || (options.TLS != nil) != want.secure {
			t.Errorf("%s: got %s, database %q, TLS %t, want %+v", dsn, addr, options.Auth.Database, options.TLS != nil, want)
		}
	}
}

// TestFailuresNameNoPassword hears what a host that is away, and one that refuses
// the password, come to.
func TestFailuresNameNoPassword(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-ClickHouse-Exception-Code", "516")
		http.Error(w, "Code: 516. DB::Exception: user: Authentication failed: password is incorrect", http.StatusForbidden)
	}))
	defer refusing.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, want := range map[string]string{refusing.URL: "password is incorrect", gone.URL: "connection refused"} {
		for _, dsn := range []string{
			strings.Replace(url, "//", "//user:secret@", 1) + "/db",
			url + "/db?username=user&password=secret",
		} {
			ctx, cancel := context.WithCancel(t.Context())
			heard := make(chan error, 100)
			opened := make(chan error, 1)
			go func() {
				_, err := Open(ctx, Config{DSN: dsn, OnError: func(err error) { heard <- err }})
				opened <- err
			}()
			first := <-heard
			cancel()
			for _, err := range []error{first, <-opened} {
				if err == nil || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: got %v, want an error without the password", dsn, err)
				}
			}
			if !strings.Contains(first.Error(), want) || !strings.Contains(first.Error(), "ask for settings: ") {
				t.Errorf("%s: got %v, want what failed and why: %s", dsn, first, want)
			}
		}
	}
}

// TestOpenEndsWithItsContext while nobody listens, and while one that listens never answers.
func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer silent.Close()
	defer close(hang)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, url := range []string{silent.URL, gone.URL} {
		within(t, promptly, func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := Open(ctx, Config{DSN: url}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the context's end", err)
			}
		})
	}
}
