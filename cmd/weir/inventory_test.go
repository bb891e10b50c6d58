package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// inventoryPolicy names an owner of some of what there is.
const inventoryPolicy = `owners:
  - {owner: sales, contact: "#sales", tier: S2, topics: [orders, arch*], groups: [bill*]}
`

// ownedBy writes the policy of a house, before weir runs in it.
func (h *house) ownedBy(policy string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.rulesDir(), "policy.yaml"), []byte(policy), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// expectInventory has a collector tell a pipeline that runs of what no client with Weir's SDK knows: topics without traffic, groups without
// consumers, brokers, and clients without the SDK. All of it is in the inventory then, beside what the client has reported, each once and
// with the policy's owner and tier; and the queries of docs/store.md find what nobody owns and what nobody has used for a week.
func (h *house) expectInventory(reported *instrumented) {
	t := h.t
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.brokers...), kgo.ClientID("reader"), kgo.ConsumerGroup("readers"), kgo.ConsumeTopics(reported.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopics(t.Context(), 1, 1, nil, "archive", "drafts"); err != nil {
		t.Fatal(err)
	}
	(&consumers{house: h, admin: admin}).commit(t, "archive", 0) // a group of the topic's name, which has no member
	for client.PollFetches(t.Context()).NumRecords() == 0 {      // then it is a member
		if t.Context().Err() != nil {
			t.Fatal("nothing is consumed")
		}
	}
	config, addr := h.writeConfig("rules: {dir", fmt.Sprintf("collect: {clusters: [{name: test, env: test, system: kafka, brokers: [%s], "+
		"tiers: [{tier: S3, topics: [drafts], groups: [read*]}]}]}\nrules: {dir", strings.Join(h.brokers, ", ")))
	collector := h.launchWith(config, addr, "--roles", "collect")

	h.await("SELECT kind, name, owner, contact, tier, last_used > first_seen - INTERVAL 1 HOUR FROM resources "+
		"WHERE cluster = 'test' AND kind IN ('topic', 'group', 'broker') AND NOT internal ORDER BY kind, name",
		"broker\t"+h.brokers[0]+"\t\t\t\t1\n"+
			"group\tarchive\t\t\t\t0\n"+
			"group\tbilling\tsales\t#sales\tS1\t1\n"+
			"group\treaders\t\t\tS3\t1\n"+
			"topic\tarchive\tsales\t#sales\tS2\t0\n"+
			"topic\tdrafts\t\t\tS3\t0\n"+
			"topic\torders\tsales\t#sales\tS1\t1")
	h.await("SELECT name, sdk_lang, consumer_group, tier FROM resources WHERE cluster = 'test' AND kind = 'client' AND consumer_group IN ('billing', 'readers') ORDER BY name",
		t.Name()+"\tgo\tbilling\tS1\nreader@127.0.0.1\t\treaders\tS3")
	h.await("SELECT kind, name FROM ("+documented(t, "unowned")+") ORDER BY kind, name", "group\tarchive\ngroup\treaders\ntopic\tdrafts")

	h.seenDaysAgo(9, "topic archive", "group archive", "topic orders", "group billing")
	h.await("SELECT kind, name, owner, last_used < now() - INTERVAL 8 DAY FROM ("+documented(t, "cold")+") ORDER BY kind, name",
		"group\tarchive\t\t1\ntopic\tarchive\tsales\t1")
	collector.stopInOrder()
	h.await(completeStore, "0\t0")
}

// seenDaysAgo has the inventory say that topics and groups were there and used so many days ago, as a Weir would have written that ran then.
func (h *house) seenDaysAgo(days int, resources ...string) {
	h.t.Helper()
	at := fmt.Sprintf("toStartOfHour(now()) - INTERVAL %d DAY", days)
	var rows []string
	for _, resource := range resources {
		kind, name, _ := strings.Cut(resource, " ")
		rows = append(rows, fmt.Sprintf("('test', 'test', 'kafka', '%s', '%s', %s, %s, %s)", kind, name, at, at, at))
	}
	statement := "INSERT INTO inventory (env, cluster, system, kind, name, first_seen, last_seen, last_used) VALUES " + strings.Join(rows, ", ")
	response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(statement))
	if code, body := read(response, err); code != http.StatusOK {
		h.t.Fatalf("%s: %d %s", statement, code, body)
	}
}

// documented is a query of docs/store.md by its name.
func documented(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "store.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(page), "<!-- query "+name+" -->\n```sql\n")
	query, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatalf("docs/store.md has no query %s", name)
	}
	return query
}
