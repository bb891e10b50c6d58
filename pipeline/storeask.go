package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
)

const (
	// maxStoreTurns is how many questions are put to the store at a time over HTTP, for messages and for the history of commands; others wait. Not fewer: a page and a person
	// or two; not more: each asks ClickHouse up to four times, on connections of its own.
	maxStoreTurns = 4
	// storeAskPatience is how long an answer of the store may take for somebody who waits. Not smaller: Kafka may be asked, too; not larger: over HTTP the answer has to be
	// out before the server's own limit, and before who asks by --url gives up.
	storeAskPatience = 15 * time.Second
)

// storeAddress is where a store is asked, and what says so.
type storeAddress struct {
	clickhouse.Config
	by string // a flag, or the key of the configuration with its origin
}

// other says how to name another one.
func (a *storeAddress) other() string {
	if strings.HasPrefix(a.by, dsnKey) {
		return "give another address in the file of --config, or by " + variableOf(dsnKey)
	}
	return "give " + a.by + " another address"
}

// dsnKey is the key of a store's address.
const dsnKey = "clickhouse.dsn"

// storeOf is the address of a configuration.
func storeOf(config *Config) storeAddress {
	return storeAddress{config.ClickHouse.store(nil), dsnKey + config.origin.of(dsnKey)}
}

// storeAt is the address that --dsn gives, that of a configuration where it is empty.
func storeAt(config *Config, dsn string) storeAddress {
	at := storeOf(config)
	if dsn != "" {
		at.DSN, at.by = dsn, "--dsn"
	}
	return at
}

// answerFromStore answers a request with what the configuration's store says, once it is its turn.
func (p *Pipeline) answerFromStore(w http.ResponseWriter, r *http.Request, ask func(context.Context, storeAddress) (any, error)) {
	ctx, cancel := context.WithTimeout(r.Context(), storeAskPatience)
	defer cancel()
	select {
	case p.storeTurns <- struct{}{}:
		defer func() { <-p.storeTurns }()
	case <-ctx.Done():
		http.Error(w, "wait for others who ask the store: "+context.Cause(ctx).Error(), http.StatusServiceUnavailable)
		return
	}
	answer, err := ask(ctx, storeOf(&p.config))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, answer)
}

// askStore opens a store for a question of a command. What fails ends the question's context, where the role clickhouse would try
// again: a store that cannot be asked is an error at once.
func askStore(ctx context.Context, at storeAddress, question func(context.Context, *clickhouse.Store) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	at.OnError = fail
	store, err := clickhouse.Open(ctx, at.Config)
	if refused := dialled(context.Cause(ctx)); err != nil && refused != nil {
		return fmt.Errorf("open the store: no connection to the address of %s: %w; start ClickHouse there, or %s", at.by, refused, at.other())
	}
	if err != nil {
		return because(ctx, "open the store", err)
	}
	defer store.Close()
	return question(ctx, store)
}

// because says why a context ended, where that is why something failed.
func because(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", what, err)
}
