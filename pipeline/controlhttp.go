package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/weirmq/weir/control"
)

// handleControl serves commands and routes: reading for whoever may see the rest, writing for those whom control.writers_file names.
func (p *Pipeline) handleControl(mux *http.ServeMux) {
	mux.HandleFunc("GET "+controlPath, asks(p.serveControl, "all"))
	mux.HandleFunc("GET "+controlPath+"/diff", asks(p.serveControlDiff, "name", "all"))
	mux.HandleFunc("GET "+controlPath+"/history", asks(p.serveControlHistory, "name", "from", "to", "limit"))
	mux.HandleFunc("POST "+controlPath, asks(p.serveControlWrite(p.postControl), "dry_run"))
	mux.HandleFunc("PUT "+controlPath, asks(p.serveControlWrite(p.postControl), "dry_run"))
	mux.HandleFunc("DELETE "+controlPath+"/commands/{name}", asks(p.serveControlWrite(p.deleteCommand), "reason", "dry_run"))
	mux.HandleFunc("DELETE "+controlPath+"/routes", asks(p.serveControlWrite(p.deleteRoute), "id", "env", "lane", "dry_run"))
}

// refusedRequest is why a request to write is refused, and with which code.
type refusedRequest struct {
	code int
	err  error
}

func (r *refusedRequest) Error() string { return r.err.Error() }

func (r *refusedRequest) Unwrap() error { return r.err }

// serveControl answers what is held; ?all=true also what is over.
func (p *Pipeline) serveControl(w http.ResponseWriter, r *http.Request) {
	c := p.controls.Load()
	if c == nil {
		http.Error(w, errNotControl.Error(), http.StatusNotFound)
		return
	}
	held := c.shown()
	c.mu.Lock()
	answer := struct {
		controlState
		Writes bool   `json:"writes"` // this process writes what files say
		Files  string `json:"files,omitempty"`
		// HeldBack is what rules propose and is not asked, as the process knows it that writes.
		HeldBack []heldBack `json:"held_back,omitempty"`
	}{controlState: held.state(flagOf(r, "all"), time.Now()), Writes: c.leads, HeldBack: c.heldBack}
	if c.filesErr != nil {
		answer.Files = c.filesErr.Error()
	}
	c.mu.Unlock()
	writeJSON(w, answer)
}

// serveControlWrite answers a request to write, which must be of somebody who may.
func (p *Pipeline) serveControlWrite(write func(*controller, *http.Request, string) ([]controlChange, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		author, err := p.author(r)
		switch {
		case errors.Is(err, errNoWriters):
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		case errors.Is(err, errNoWriter):
			w.Header().Set("WWW-Authenticate", `Basic realm="Weir commands"`)
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		c := p.controls.Load()
		if c == nil {
			http.Error(w, errNotControl.Error(), http.StatusNotFound)
			return
		}
		changes, err := write(c, r, author)
		if err != nil {
			answerRefusal(w, changes, err)
			return
		}
		writeJSON(w, map[string]any{"author": author, "dry_run": dryRun(r), "changes": changes})
	}
}

// answerRefusal answers why something was not written; of what was written in part, as JSON, which of it is in force.
func answerRefusal(w http.ResponseWriter, changes []controlChange, err error) {
	code := http.StatusServiceUnavailable
	var refused *refusedRequest
	switch {
	case errors.As(err, &refused):
		code = refused.code
	case errors.Is(err, errChangedMeanwhile):
		code = http.StatusConflict
	case errors.Is(err, errRefusedByReaders):
		code = http.StatusUnprocessableEntity
	}
	if !errors.As(err, new(*partlyWrittenError)) {
		http.Error(w, err.Error(), code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	writeJSON(w, map[string]any{"error": err.Error(), "changes": toldChanges(changes)})
}

func dryRun(r *http.Request) bool { return flagOf(r, "dry_run") }

// postControl puts commands and routes in force; ?dry_run=true says what that would do.
func (p *Pipeline) postControl(c *controller, r *http.Request, author string) ([]controlChange, error) {
	commands, routes, err := readControlBody(r.Body, author)
	if err == nil {
		err = p.config.Telemetry.postedReports(commands, time.Now())
	}
	if err != nil {
		return nil, &refusedRequest{http.StatusUnprocessableEntity, err}
	}
	return p.change(r.Context(), c, dryRun(r), func(set *control.Set) ([]controlChange, error) {
		return planPosted(commands, routes, controlPlan{now: time.Now()}, set)
	})
}

// planPosted says what becomes of what is posted; the error says why nothing of it is put in force.
func planPosted(commands []control.Command, routes []control.Route, plan controlPlan, set *control.Set) ([]controlChange, error) {
	changes := []controlChange{}
	for i, command := range commands {
		if faults := aheadFaults(&command, plan.now); len(faults) > 0 {
			return nil, &refusedRequest{http.StatusUnprocessableEntity, fmt.Errorf("commands[%d]: %w", i, faults)}
		}
		changes = append(changes, plan.command(command, control.SourceAPI, set))
	}
	for _, route := range routes {
		changes = append(changes, plan.route(route, control.SourceAPI, set))
	}
	for i := range changes {
		if c := &changes[i]; c.Change == changeSkipped {
			return nil, &refusedRequest{http.StatusConflict, fmt.Errorf("%s %s %s", c.Kind, c.Name, c.Note)}
		} else if _, err := c.records(); err != nil { // what it lacks is known only now
			return nil, &refusedRequest{http.StatusUnprocessableEntity, err}
		}
	}
	return changes, nil
}

// deleteCommand ends a command now, also one of a file; ?reason= says why. One that is over is no misspelt name, and says what it is.
func (p *Pipeline) deleteCommand(c *controller, r *http.Request, author string) ([]controlChange, error) {
	return p.change(r.Context(), c, dryRun(r), func(set *control.Set) ([]controlChange, error) {
		change, err := controlPlan{now: time.Now()}.end(r.PathValue("name"), author, r.URL.Query().Get("reason"), set)
		if _, found := set.Command(r.PathValue("name")); err != nil && found {
			return nil, &refusedRequest{http.StatusConflict, err}
		} else if err != nil {
			return nil, &refusedRequest{http.StatusNotFound, err}
		}
		return []controlChange{change}, nil
	})
}

// deleteRoute takes a route away that the API made: ?id=, env and lane name it.
func (p *Pipeline) deleteRoute(c *controller, r *http.Request, _ string) ([]controlChange, error) {
	asked := r.URL.Query()
	key := control.RouteKey(asked.Get("env"), asked.Get("lane"), asked.Get("id"))
	return p.change(r.Context(), c, dryRun(r), func(set *control.Set) ([]controlChange, error) {
		held, found := set.HeldRoute(key)
		switch {
		case !found:
			return nil, &refusedRequest{http.StatusNotFound, fmt.Errorf("there is no route %s", key)}
		case held.Source != control.SourceAPI:
			return nil, &refusedRequest{http.StatusConflict, fmt.Errorf("%s is kept by %s: take it out there", key, whereKept(held.Source))}
		}
		return []controlChange{{Change: changeRemoved, Kind: kindRoute, Name: key[len("route/"):], Revision: held.Revision, Route: &held, key: key}}, nil
	})
}

// change plans on what is newest, and writes it, or of a dry run says whom it touches: the store is asked when others may write again.
func (p *Pipeline) change(waits context.Context, c *controller, dry bool, plan func(*control.Set) ([]controlChange, error)) ([]controlChange, error) {
	patience := c.topic.patience
	ctx, cancel := context.WithTimeoutCause(waits, patience, fmt.Errorf("there was no answer within %s", patience))
	defer cancel()
	changes, routes, err := c.change(ctx, dry, plan)
	if err != nil || !dry {
		return changes, c.topic.late(waits, ctx, err)
	}
	return changes, askTouched(ctx, &p.config, "", changes, routes, time.Now())
}

// change plans on what is newest, and writes it unless it is dry. routes are those that it was planned on.
func (c *controller) change(ctx context.Context, dry bool, plan func(*control.Set) ([]controlChange, error)) (changes []controlChange, routes []control.Route, err error) {
	if err := c.turn.take(ctx); err != nil {
		return nil, nil, err
	}
	defer c.turn.give()
	defer c.show()
	if err := c.topic.catchUp(ctx); err != nil {
		return nil, nil, err
	}
	if dry {
		changes, err = plan(c.topic.set)
	} else {
		changes, err = c.topic.settle(ctx, func([]controlChange) ([]controlChange, error) { return plan(c.topic.set) })
	}
	return changes, c.topic.set.Routes(), err
}
