package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Resources counts the story's topics, consumer groups, brokers and clients. Brokers are those of this start, clients those of this run.
type Resources struct {
	Topics  uint64 `json:"topics"`
	Groups  uint64 `json:"groups"`
	Brokers uint64 `json:"brokers"`
	Clients uint64 `json:"clients"`
}

// resourcesOf are those that there are.
func resourcesOf(h *house, c *cast) Resources {
	return Resources{Topics: uint64(len(businessTopics)), Groups: uint64(len(c.consumers)), Brokers: uint64(len(h.broker.Addrs())),
		Clients: uint64(len(c.producers) + len(c.consumers))}
}

// resourcesSQL counts those that the inventory has of the demo's cluster, seen since the hour of a moment.
const resourcesSQL = "SELECT countIf(kind = 'topic' AND name IN (%s)) AS topics, countIf(kind = 'group' AND name IN (%s)) AS groups, " +
	"countIf(kind = 'broker' AND name IN (%s)) AS brokers, countIf(kind = 'client' AND endsWith(name, '@%s')) AS clients " +
	"FROM resources WHERE env = 'demo' AND cluster = 'demo' AND last_seen >= toStartOfHour(fromUnixTimestamp(%d)) FORMAT JSONEachRow"

func storedResources(ctx context.Context, h *house, c *cast, told telling) (out Resources, err error) {
	var groups []string
	for _, consumer := range c.consumers {
		groups = append(groups, consumer.group)
	}
	sql := fmt.Sprintf(resourcesSQL, literals(businessTopics), literals(groups), literals(h.broker.Addrs()), told.run, told.troubleBegan.Unix())
	body, err := ask(ctx, h.clickhouseURL, sql)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return out, fmt.Errorf("count what the store knows: %w", err)
	}
	return out, nil
}

// literals are names as SQL has them; the story's have neither quotes nor backslashes.
func literals(names []string) string { return "'" + strings.Join(names, "', '") + "'" }
