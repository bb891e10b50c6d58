package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// storeThreads is how many threads a query may use, so that a figure means the same on a larger machine.
const storeThreads = "2"

// storeEngine is the engine that the store's bench writes to and asks.
type storeEngine struct {
	addr    string
	process int // 0 where its CPU time is not known
}

func (e storeEngine) dsn() string { return "http://" + e.addr + "/default?max_threads=" + storeThreads }

// send runs a statement and returns its answer.
func (e storeEngine) send(ctx context.Context, statement string) ([]byte, error) {
	settings := url.Values{"database": {"default"}, "max_threads": {storeThreads}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.addr+"/?"+settings.Encode(), strings.NewReader(statement))
	if err != nil {
		return nil, fmt.Errorf("make a request for the engine: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the engine: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the engine's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the engine says %s: %s\n%s", response.Status, strings.TrimSpace(string(text)), statement)
	}
	return text, nil
}

// run runs statements one after the other, and says how long the whole took where it took long.
func (e storeEngine) run(ctx context.Context, what string, statements ...string) error {
	began := time.Now()
	for _, statement := range statements {
		if _, err := e.send(ctx, statement); err != nil {
			return fmt.Errorf("write %s: %w", what, err)
		}
	}
	fmt.Fprintf(os.Stderr, "  %s: %s\n", what, time.Since(began).Round(100*time.Millisecond))
	return nil
}

// values are the rows of an answer, with all values as text.
func (e storeEngine) values(ctx context.Context, statement string) ([][]string, error) {
	text, err := e.send(ctx, statement+"\nFORMAT JSONCompactStrings")
	if err != nil {
		return nil, err
	}
	var answer struct{ Data [][]string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("read the engine's answer: %w", err)
	}
	return answer.Data, nil
}

// cost is what one run of a query took.
type cost struct {
	wall, cpu  time.Duration
	rows       int    // of the answer
	read, size uint64 // rows and bytes
}

// ask runs a query and says what it cost: from sending it until all of its answer is there, and by what the engine says itself.
func (e storeEngine) ask(ctx context.Context, sql string) (c cost, err error) {
	before := e.used()
	began := time.Now()
	text, err := e.send(ctx, sql+"\nFORMAT JSONCompact")
	if err != nil {
		return c, err
	}
	c.wall, c.cpu = time.Since(began), e.used()-before
	var answer struct {
		Rows       int
		Statistics struct {
			Rows  uint64 `json:"rows_read"`
			Bytes uint64 `json:"bytes_read"`
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return c, fmt.Errorf("read the engine's answer: %w", err)
	}
	c.rows, c.read, c.size = answer.Rows, answer.Statistics.Rows, answer.Statistics.Bytes
	return c, nil
}

// used is the engine's CPU time, 0 where it is not known.
func (e storeEngine) used() time.Duration {
	if e.process == 0 {
		return 0
	}
	taken, err := cpuOf(e.process)
	if err != nil {
		return 0
	}
	return taken
}

// cold drops what the engine keeps of what it has read, so that the next query finds the data in files only.
func (e storeEngine) cold(ctx context.Context) error {
	for _, cache := range []string{"MARK", "UNCOMPRESSED", "INDEX MARK", "QUERY CONDITION"} {
		if _, err := e.send(ctx, "SYSTEM DROP "+cache+" CACHE"); err != nil {
			return fmt.Errorf("forget what was read: %w", err)
		}
	}
	return nil
}
