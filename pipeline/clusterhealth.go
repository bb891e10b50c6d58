package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/health"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Health is how the clusters of the configuration are: /api/v1/health.
type Health struct {
	At       time.Time     `json:"at"`
	Clusters []health.Tree `json:"clusters"` // that this process polls, the worst first
	// NotPolled are clusters of the configuration that this process does not poll at the moment.
	NotPolled []NotPolled `json:"not_polled"`
}

// NotPolled is a cluster of which this process knows nothing, and why.
type NotPolled struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// polledClusters are the clusters that this process polls at the moment. Its methods may be called from any goroutine.
type polledClusters struct {
	mu sync.Mutex
	by map[string]*health.Cluster // by name
}

func newPolledClusters() *polledClusters {
	return &polledClusters{by: map[string]*health.Cluster{}}
}

// followed is a cluster while this process polls it. One goroutine has it, but for probed.
type followed struct {
	*polledClusters
	cluster *health.Cluster
	name    string
	reports []telemetry.Report // of the poll that is not done yet
}

// begin follows a cluster until it ends.
func (p *polledClusters) begin(cluster string, interval time.Duration) *followed {
	f := &followed{polledClusters: p, cluster: health.NewCluster(cluster, interval), name: cluster}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[cluster] = f.cluster
	return f
}

// done takes a poll in.
func (f *followed) done(o collect.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cluster.Take(health.Poll{At: time.Now().Add(-o.Took), Reports: f.reports, Err: o.Err})
	f.reports = nil
}

// probed takes in what canaries between polls found out; any goroutine may call it.
func (f *followed) probed(reports []telemetry.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cluster.TakeProbes(time.Now(), reports)
}

// end forgets the cluster, unless another turn has begun.
func (f *followed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by[f.name] == f.cluster {
		delete(f.by, f.name)
	}
}

// tree judges a cluster; ok is false where it is not polled.
func (p *polledClusters) tree(cluster string, q health.Question) (tree health.Tree, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.by[cluster]
	if c == nil {
		return health.Tree{}, false
	}
	return c.Tree(q), true
}

// Health is how the clusters of the configuration are now, and what below them is beyond its limits.
func (p *Pipeline) Health() Health { return p.clusterHealth("", health.Question{Now: time.Now()}) }

// WholeHealth is Health with what is fine or unknown, too.
func (p *Pipeline) WholeHealth() Health {
	return p.clusterHealth("", health.Question{Now: time.Now(), All: true})
}

// clusterHealth judges the clusters of the configuration, or the one of that name.
func (p *Pipeline) clusterHealth(name string, q health.Question) Health {
	set, _ := p.rules.current()
	out := Health{At: q.Now.UTC(), Clusters: []health.Tree{}, NotPolled: []NotPolled{}}
	for i := range p.config.Collect.Clusters {
		cluster := p.config.Collect.Clusters[i].Name
		if name != "" && cluster != name {
			continue
		}
		q.Limits = healthLimits(set.Policy, cluster)
		if tree, polled := p.polled.tree(cluster, q); polled {
			out.Clusters = append(out.Clusters, tree)
			continue
		}
		why := "this process does not poll it at the moment: ask the collector whose turn it is"
		if !p.config.Has(RoleCollect) {
			why = "this process has not the role " + RoleCollect
		}
		out.NotPolled = append(out.NotPolled, NotPolled{cluster, why})
	}
	slices.SortStableFunc(out.Clusters, health.Compare)
	return out
}

// healthLimits are what a policy says of a cluster and of tiers; a nil policy says nothing.
func healthLimits(policy *rules.Policy, cluster string) health.Limits {
	out := health.Limits{LagAgeSeconds: map[string]float64{}}
	if policy == nil {
		return out
	}
	for tier, limits := range policy.Tiers {
		if age, ok := limits["lag_age"]; ok {
			out.LagAgeSeconds[tier] = age
		}
	}
	for name, into := range map[string]**float64{"nodes": &out.Nodes, "brokers": &out.Brokers, "capacity_tps": &out.CapacityPerSecond} {
		if number, ok := policy.Clusters[cluster][name]; ok {
			*into = &number
		}
	}
	return out
}

// readPolicy reads the policy of a folder of rules, nil where there is none.
func readPolicy(dir string) (*rules.Policy, error) {
	file := filepath.Join(dir, rules.PolicyFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	policy, faults := rules.ParsePolicy(file, text)
	if len(faults) > 0 {
		return nil, faults
	}
	return policy, nil
}

// serveHealth answers how clusters are: cluster, kind and name choose, all wants also what is fine.
func (p *Pipeline) serveHealth(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	q, err := healthQuestion(asked.Get("kind"), asked.Get("name"), asked.Get("all"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := asked.Get("cluster")
	if name != "" {
		if _, err := p.config.cluster(name); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
	}
	writeJSON(w, p.clusterHealth(name, q))
}

// healthQuestion reads what a request wants to know, of this moment.
func healthQuestion(kind, name, all string) (health.Question, error) {
	q := health.Question{Now: time.Now(), Kind: health.Kind(kind), Name: name}
	if kind != "" && !slices.Contains(health.ChildKinds, q.Kind) {
		return q, fmt.Errorf("got the kind %q, allowed are %s, %s and %s", kind, health.KindNode, health.KindGroup, health.KindTopic)
	}
	if _, err := path.Match(name, ""); err != nil {
		return q, fmt.Errorf("got the name %q, want one in which * stands for any text, for example orders-*", name)
	}
	var err error
	if q.All, err = strconv.ParseBool(cmp.Or(all, "false")); err != nil {
		return q, fmt.Errorf("got %q for all, allowed are true and false", all)
	}
	return q, nil
}
