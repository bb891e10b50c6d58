package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
)

// maxIDBytes is as long as an id of a message is taken.
const maxIDBytes = 256

// FindQuestion is a wish to know what became of a message.
type FindQuestion struct {
	ID       string
	From, To time.Time // zero where it does not matter
	URL      string    // of a running Weir to ask, in place of the store
	DSN      string    // of the store; "" is the configuration's
	JSON     bool
	Out      io.Writer
}

// Found is what is known of a message: its steps by time, and else what was searched.
type Found struct {
	ID    string           `json:"id"`
	From  time.Time        `json:"from,omitzero"`
	To    time.Time        `json:"to,omitzero"`
	Hops  []clickhouse.Hop `json:"hops"`
	More  bool             `json:"more,omitempty"` // there are others, not listed
	Topic string           `json:"topic,omitempty"`
	// Held is said where nothing was found: of the topic that the id names, or of all.
	Held   *clickhouse.HopsHeld `json:"held,omitempty"`
	Groups []PartitionCommit    `json:"groups,omitempty"` // how far those are that read the messages' partitions
	Notes  []string             `json:"notes"`
}

// FindMessage prints what became of a message, and says whether anything is known of it.
func FindMessage(ctx context.Context, config *Config, q FindQuestion) (found bool, err error) {
	asked, err := hopQuery(q.ID, q.From, q.To)
	if err != nil {
		return false, err
	}
	var answer Found
	if q.URL != "" {
		answer, err = askFind(ctx, config, q.URL, asked)
	} else {
		answer, err = findIn(ctx, storeAt(config, q.DSN), asked)
	}
	if err != nil {
		return false, err
	}
	if q.JSON {
		err = json.NewEncoder(q.Out).Encode(answer)
	} else {
		err = answer.writeText(q.Out)
	}
	if err != nil {
		return false, fmt.Errorf("print what was found: %w", err)
	}
	return len(answer.Hops) > 0, nil
}

// hopQuery reads what is asked.
func hopQuery(id string, from, to time.Time) (clickhouse.HopQuery, error) {
	id, err := readMessageID(id)
	q := clickhouse.HopQuery{ID: id, From: from, To: to}
	if id == "" || len(id) > maxIDBytes {
		return q, fmt.Errorf("got an id of %d bytes, want 1 to %d: %s", len(id), maxIDBytes, idForms)
	}
	if err != nil {
		return q, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return q, fmt.Errorf("got a time from %s to %s, want one that ends after it begins", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	return q, nil
}

// findIn asks a store.
func findIn(ctx context.Context, at storeAddress, q clickhouse.HopQuery) (answer Found, err error) {
	answer = Found{ID: q.ID, From: q.From, To: q.To, Hops: []clickhouse.Hop{}}
	err = askStore(ctx, at, func(ctx context.Context, store *clickhouse.Store) error {
		hops, more, err := store.FindHops(ctx, q)
		if err != nil {
			return because(ctx, "find the message", err)
		}
		if answer.Hops = append(answer.Hops, hops...); len(hops) == 0 {
			answer.Topic = messagePlace(q.ID).topic
			held, err := store.HopsHeld(ctx, q, answer.Topic)
			if err != nil {
				return because(ctx, "say what was searched", err)
			}
			answer.Held = &held
		}
		answer.More = more
		if answer.Groups, err = partitionCommits(ctx, store, q, hops); err != nil {
			return because(ctx, "find the message", err)
		}
		return nil
	})
	if err != nil {
		return answer, err
	}
	answer.Notes = answer.notes()
	return answer, nil
}

// askFind asks a running Weir.
func askFind(ctx context.Context, config *Config, address string, q clickhouse.HopQuery) (answer Found, err error) {
	client, err := newAlertClient(config, address)
	if err != nil {
		return answer, err
	}
	asked := url.Values{"id": {q.ID}}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			asked.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return answer, client.get(ctx, "/api/v1/find?"+asked.Encode(), &answer)
}

// serveFind answers what became of a message, from the configuration's store.
func (p *Pipeline) serveFind(w http.ResponseWriter, r *http.Request) {
	from, to, err := askedTimes(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q, err := hopQuery(r.URL.Query().Get("id"), from, to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.answerFromStore(w, r, func(ctx context.Context, at storeAddress) (any, error) { return findIn(ctx, at, q) })
}

// askedTimes are from and to of a request, zero where it does not say.
func askedTimes(asked url.Values) (from, to time.Time, err error) {
	for name, at := range map[string]*time.Time{"from": &from, "to": &to} {
		text := asked.Get(name)
		if text == "" {
			continue
		}
		if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return from, to, fmt.Errorf("%s is %.64q, want a time as 2026-11-25T08:00:00Z", name, text)
		}
	}
	return from, to, nil
}
