package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/weirmq/weir/collect/health"
)

// HealthQuestion is a wish to know how clusters are.
type HealthQuestion struct {
	URL     string // of a running Weir; "" is where the configuration has its HTTP server
	Once    bool   // poll, in place of asking a running Weir
	Cluster string // "" for all; with Once it may be left out where there is one
	Kind    string // of what below a cluster is wanted, "" for all
	Name    string // a pattern of its name, "" for all
	All     bool   // also what is fine
	JSON    bool
	Out     io.Writer
}

// AskHealth prints how clusters are, and says whether anything is bad.
func AskHealth(ctx context.Context, config *Config, q HealthQuestion) (bad bool, err error) {
	wanted, err := healthQuestion(q.Kind, q.Name, strconv.FormatBool(q.All))
	if err != nil {
		return false, err
	}
	var found Health
	if q.Once {
		found, err = pollHealth(ctx, config, q.Cluster, wanted)
	} else {
		found, err = askHealth(ctx, config, &q)
	}
	if err != nil {
		return false, err
	}
	if q.JSON {
		err = json.NewEncoder(q.Out).Encode(found)
	} else {
		err = found.writeText(q.Out, q.All)
	}
	if err != nil {
		return false, fmt.Errorf("print health: %w", err)
	}
	return slices.ContainsFunc(found.Clusters, func(t health.Tree) bool { return t.State == health.Bad }), nil
}

// askHealth asks a running Weir.
func askHealth(ctx context.Context, config *Config, q *HealthQuestion) (found Health, err error) {
	client, err := newAlertClient(config, q.URL)
	if err != nil {
		return found, err
	}
	asked := url.Values{}
	for name, value := range map[string]string{"cluster": q.Cluster, "kind": q.Kind, "name": q.Name} {
		if value != "" {
			asked.Set(name, value)
		}
	}
	if q.All {
		asked.Set("all", "true")
	}
	if err := client.get(ctx, "/api/v1/health?"+asked.Encode(), &found); err != nil {
		return found, err
	}
	if len(found.Clusters) > 0 {
		return found, nil
	}
	for _, cluster := range found.NotPolled {
		err = errors.Join(err, fmt.Errorf("ask weir of %s: %s", cluster.Name, cluster.Why))
	}
	if err == nil {
		err = fmt.Errorf("ask weir: %s has no cluster in collect.clusters: name one there", client.base)
	}
	return found, err
}

// pollHealth polls a cluster twice, as rates take two polls.
func pollHealth(ctx context.Context, config *Config, name string, q health.Question) (Health, error) {
	cluster, err := config.cluster(name)
	if err != nil {
		return Health{}, err
	}
	policy, err := readPolicy(config.Rules.Dir)
	if err != nil {
		return Health{}, err
	}
	poller, err := config.openPoller(cluster, nil)
	if err != nil {
		return Health{}, err
	}
	defer poller.Close()
	interval := config.interval(cluster)
	polled := health.NewCluster(cluster.Name, interval)
	for i := range 2 {
		if i > 0 {
			if err := pauseFor(ctx, interval); err != nil {
				return Health{}, fmt.Errorf("wait for the second poll: %w", err)
			}
		}
		reports, err := pollOnce(ctx, cluster, poller)
		polled.Take(health.Poll{At: time.Now(), Reports: reports, Err: config.clusterAway(cluster, err)})
	}
	q.Now, q.Limits = time.Now(), healthLimits(policy, cluster.Name)
	return Health{At: q.Now.UTC(), Clusters: []health.Tree{polled.Tree(q)}, NotPolled: []NotPolled{}}, nil
}

// pauseFor waits; the error is that of a ctx that ends before.
func pauseFor(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// writeText prints a tree for each cluster, and which are not polled.
func (h *Health) writeText(to io.Writer, all bool) error {
	for i := range h.Clusters {
		if i > 0 {
			fmt.Fprintln(to) // what fails here fails below, too
		}
		if err := h.Clusters[i].WriteText(to, all, h.At); err != nil {
			return err
		}
	}
	for _, cluster := range h.NotPolled {
		if _, err := fmt.Fprintf(to, "%-7s  cluster %s: %s\n", health.Unknown, cluster.Name, cluster.Why); err != nil {
			return err
		}
	}
	return nil
}
