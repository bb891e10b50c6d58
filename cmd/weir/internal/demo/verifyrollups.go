package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weirmq/weir/pipeline"
)

// AddedUp is what the business topics had since the story began.
type AddedUp struct {
	Topics uint64 `json:"topic_1m"`
	Panes  uint64 `json:"rollup_10s"`
}

// addedUpSQL sums what clients sent.
const addedUpSQL = "SELECT (SELECT sum(messages) FROM rollup_1m FINAL WHERE op = 'send' AND endsWith(client, '@%s')) AS minutes, " +
	"(SELECT sum(messages) FROM topic_1m FINAL WHERE op = 'send' AND topic IN (%s) AND ts >= %[3]d) AS topics, " +
	"(SELECT sum(messages) FROM rollup_10s FINAL WHERE op = 'send' AND topic IN (%[2]s) AND ts >= %[3]d) AS panes FORMAT JSONEachRow"

// addUp has the store add up what is under way too, and looks at what the tables of longer steps have.
func (o *Outcome) addUp(ctx context.Context, h *house, told telling) error {
	began := told.began.Truncate(time.Minute)
	fill := pipeline.StoreFill{From: began, To: time.Now().Add(time.Minute), UnderWay: true, Out: io.Discard, Progress: io.Discard}
	if err := pipeline.FillStore(ctx, &h.config, fill); err != nil {
		return err
	}
	body, err := ask(ctx, h.clickhouseURL, fmt.Sprintf(addedUpSQL, told.run, "'"+strings.Join(businessTopics, "', '")+"'", began.Unix()))
	if err != nil {
		return err
	}
	var sums struct{ Minutes, Topics, Panes uint64 }
	if err := json.Unmarshal(body, &sums); err != nil {
		return fmt.Errorf("sum the store: %w", err)
	}
	o.SentByMinute, o.SentByTopic = sums.Minutes, AddedUp{sums.Topics, sums.Panes}
	o.OK = o.addsUp()
	return nil
}

// addsUp says that longer steps have what panes have.
func (o *Outcome) addsUp() bool {
	return o.SentByMinute == o.Sent && o.SentByTopic.Topics == o.SentByTopic.Panes && o.SentByTopic.Topics >= o.Sent
}
