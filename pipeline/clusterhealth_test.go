package pipeline

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/collect/health"
)

// healthAt asks a pipeline how its clusters are.
func healthAt(t *testing.T, p *Pipeline, path string) (found Health) {
	t.Helper()
	code, body := get(p, path)
	if err := json.Unmarshal([]byte(body), &found); code != http.StatusOK || err != nil {
		t.Fatalf("%s answers %d, %v: %s", path, code, err, body)
	}
	return found
}

// TestHealthOfPolledClusters asks a collector of one cluster that lacks four nodes, and of one that does not answer: by HTTP, by the
// command, and on the status page.
func TestHealthOfPolledClusters(t *testing.T) {
	t.Parallel()
	config := runConfig(t)
	config.Roles = []string{RoleCollect}
	config.Collect.Clusters = []ClusterConfig{{Name: "eu", Env: "test", System: "kafka", Brokers: config.Kafka.Brokers},
		{Name: "away", System: "kafka", Brokers: []string{"127.0.0.1:1"}}}
	policy := "inventory: {clusters: {eu: {nodes: 5, brokers: 1}}}\n"
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	p := run(t, config)
	var eu, away health.Tree
	await(t, "that polls of both clusters are over, and rates of one are known", func() bool {
		found := healthAt(t, p, "/api/v1/health")
		for _, tree := range found.Clusters {
			if tree.Name == "eu" {
				eu = tree
			} else {
				away = tree
			}
		}
		return len(found.Clusters) == 2 && away.State == health.Bad && partOf(&eu, "write_rate").Value != nil
	})
	if p := partOf(&eu, "nodes"); p.State != health.Bad || *p.Value != 1 || *p.Limit.Bad != 5 || p.Limit.From != "policy.yaml" || p.Rule != "NodeMissing" || p.Penalty != 40 {
		t.Errorf("the part on nodes is %+v, want 1 of 5", p)
	}
	if p := partOf(&eu, "brokers"); p.State != health.OK {
		t.Errorf("the part on brokers is %+v, want it fine", p)
	}
	if eu.Env != "test" || eu.System != "kafka" || eu.Score == nil || *eu.Score != 60 || eu.PolledAt == nil {
		t.Errorf("the cluster is %+v", eu)
	}
	if away.PolledAt != nil || !strings.Contains(away.NotFoundOut, "poll cluster away: ask for brokers and topics: ") {
		t.Errorf("the cluster that is away is %+v", away)
	}
	if one := healthAt(t, p, "/api/v1/health?cluster=eu&all=true&kind=node"); len(one.Clusters) != 1 || len(one.Clusters[0].Children) != 1 || one.Clusters[0].Children[0].Kind != health.KindNode {
		t.Errorf("got %+v, want the one node", one)
	}
	_, page := get(p, "/")
	if got, want := row(page, "?cluster=eu"), "eu|bad|60|"; !strings.HasPrefix(got, want) || !strings.Contains(got, "nodes 1, bad below 5 (-40): ") {
		t.Errorf("the status page has %q, want %q and what is wrong", got, want)
	}
	expectHealthPrinted(t, p)
}

func partOf(tree *health.Tree, name string) health.Part {
	for _, part := range tree.Parts {
		if part.Name == name {
			return part
		}
	}
	return health.Part{}
}

// expectHealthPrinted asks as the command does.
func expectHealthPrinted(t *testing.T, p *Pipeline) {
	t.Helper()
	server := httptest.NewServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	config := p.config
	ask := func(q HealthQuestion) (bool, string, error) {
		var out strings.Builder
		q.URL, q.Out = server.URL, &out
		bad, err := AskHealth(t.Context(), &config, q)
		return bad, out.String(), err
	}
	if _, _, err := ask(HealthQuestion{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without the token the answer is %v", err)
	}
	config.HTTP.Token = "secret"
	bad, out, err := ask(HealthQuestion{})
	if err != nil || !bad || !strings.Contains(out, "bad      cluster eu: score 60") || !strings.Contains(out, "bad      cluster away: score 60") {
		t.Errorf("got %v, %v:\n%s", bad, err, out)
	}
	bad, out, err = ask(HealthQuestion{Cluster: "eu", Kind: "node", All: true, JSON: true})
	if found := (Health{}); err != nil || !bad || json.Unmarshal([]byte(out), &found) != nil || len(found.Clusters) != 1 || len(found.Clusters[0].Children) != 1 {
		t.Errorf("as JSON: got %v, %v: %s", bad, err, out)
	}
	if _, _, err = ask(HealthQuestion{Cluster: "us"}); err == nil || !strings.Contains(err.Error(), `collect.clusters has no cluster "us": there are eu, away`) {
		t.Errorf("a cluster that there is not: %v", err)
	}
	config.Rules.Dir = t.TempDir() // nobody has set anything
	bad, out, err = ask(HealthQuestion{Once: true, Cluster: "eu"})
	if err != nil || bad || !strings.HasPrefix(out, "ok       cluster eu: score 100, ") || !strings.Contains(out, "unknown  nodes: the inventory of policy.yaml does not say ") ||
		strings.Contains(out, "rates take two polls") {
		t.Errorf("polled twice: got %v, %v:\n%s", bad, err, out)
	}
}

// TestHealthOfOthers says which clusters this process does not poll, and what cannot be asked.
func TestHealthOfOthers(t *testing.T) {
	t.Parallel()
	config := runConfig(t)
	config.Collect.Clusters = []ClusterConfig{{Name: "eu", System: "kafka", Brokers: config.Kafka.Brokers}}
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	if found := healthAt(t, p, "/api/v1/health"); len(found.Clusters) != 0 || len(found.NotPolled) != 1 || found.NotPolled[0] != (NotPolled{"eu", "this process has not the role collect"}) {
		t.Errorf("got %+v", found)
	}
	p.config.Roles = []string{RoleCollect}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	const other = "this process does not poll it at the moment: ask the collector whose turn it is"
	if _, err := AskHealth(t.Context(), &config, HealthQuestion{URL: server.URL, Out: os.Stderr}); err == nil || err.Error() != "ask weir of eu: "+other {
		t.Errorf("got %v", err)
	}
	if _, page := get(p, "/"); row(page, "<td>eu</td>") != "eu|unknown|–||–|"+other+"|" {
		t.Errorf("the status page says %q", row(page, "<td>eu</td>"))
	}
	for _, c := range []struct {
		asks string
		code int
		says string
	}{
		{"cluster=us", http.StatusNotFound, `collect.clusters has no cluster "us": there are eu`},
		{"kind=broker", http.StatusBadRequest, `got the kind "broker", allowed are node, group and topic`},
		{"name=[", http.StatusBadRequest, `got the name "[", want one in which * stands for any text, for example orders-*`},
		{"all=perhaps", http.StatusBadRequest, `got "perhaps" for all, allowed are true and false`},
	} {
		if code, body := get(p, "/api/v1/health?"+c.asks); code != c.code || strings.TrimSpace(body) != c.says {
			t.Errorf("%s: got %d %q, want %d %q", c.asks, code, body, c.code, c.says)
		}
	}
	p.config.Collect.Clusters = nil
	if _, err := AskHealth(t.Context(), &config, HealthQuestion{URL: server.URL, Out: os.Stderr}); err == nil || !strings.HasSuffix(err.Error(), " has no cluster in collect.clusters: name one there") {
		t.Errorf("without a cluster: %v", err)
	}
}
