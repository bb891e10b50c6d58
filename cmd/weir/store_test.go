package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// query asks ClickHouse and returns its answer's text.
func (h *house) query(sql string) (string, error) {
	response, err := web.Post("http://"+h.clickhouseAddr+"/", "text/plain", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", response.Status, body)
	}
	return strings.TrimSpace(string(body)), nil
}

// await asks until the answer is as wanted.
func (h *house) await(sql, want string) {
	h.t.Helper()
	got := ""
	eventually(h.t, func() bool {
		answer, err := h.query(sql)
		got = fmt.Sprint(answer, " ", err)
		return err == nil && answer == want
	}, func() string { return fmt.Sprintf("%s\nanswers %q, want %q%s", sql, got, want, h.state()) })
}

// completeStore compares cells and ledger: every report that a segment held is in a
// cell, and so many records were refused.
const completeStore = `SELECT (SELECT sum(reports) FROM ledger FINAL) - (SELECT sum(reports) FROM rollup_10s FINAL), (SELECT sum(refused) FROM ledger FINAL)`

// awaitTotals waits until the store holds exactly what a reporter has sent.
func (h *house) awaitTotals(r *reporter, refused int) {
	h.t.Helper()
	sent := r.sent()
	h.await("SELECT sum(reports), sum(messages), sum(bytes) FROM rollup_10s FINAL WHERE topic = '"+r.topic+"'",
		fmt.Sprintf("%d\t%d\t%d", sent.reports, sent.messages, sent.bytes))
	h.await(completeStore, fmt.Sprintf("0\t%d", refused))
}

// notified says how often the chat heard of an alert firing and resolved, for one topic.
func (h *house) notified(alertname, topic string) (firing, resolved int) {
	for _, n := range h.chat.Notifications() {
		if n.Labels["alertname"] != alertname || n.Labels["topic"] != topic {
			continue
		}
		switch n.Status {
		case "firing":
			firing++
		case "resolved":
			resolved++
		}
	}
	return firing, resolved
}

// awaitFiring waits until the chat has heard of an alert.
func (h *house) awaitFiring(alertname, topic string) {
	h.t.Helper()
	eventually(h.t, func() bool { firing, _ := h.notified(alertname, topic); return firing > 0 },
		func() string {
			return fmt.Sprintf("%s of %s did not fire; the chat heard %+v%s", alertname, topic, h.chat.Notifications(), h.state())
		})
}

func (h *house) awaitResolved(alertname, topic string) {
	h.t.Helper()
	eventually(h.t, func() bool { _, resolved := h.notified(alertname, topic); return resolved > 0 },
		func() string {
			return fmt.Sprintf("%s of %s did not resolve; the chat heard %+v%s", alertname, topic, h.chat.Notifications(), h.state())
		})
}
