package main

import "fmt"

// largeMessageRule fires where a topic carries messages above 10 KiB.
const largeMessageRule = `groups:
  - name: test
    rules:
      - alert: LargeMessage
        by: [cluster, topic]
        where: op == "send"
        window: 3s
        expr: size_max > 10KiB
        labels: {severity: info}
        annotations: {summary: '{{ .topic }} carries {{ .size_max | humanize1024 }}B', action: Send references.}
`

// anotherRule adds a rule to largeMessageRule that fires for every topic with traffic.
func anotherRule(name, expr string) string {
	return largeMessageRule + fmt.Sprintf(`      - alert: %s
        by: [topic]
        window: 3s
        expr: %s
        labels: {severity: info}
        annotations: {summary: 'traffic'}
`, name, expr)
}

const (
	smallBytes = 200
	largeBytes = 20_000
)

// largeMessageTest shows that largeMessageRule fires and stays quiet.
const largeMessageTest = `pane 1s

case a large one
at 0s: op=send cluster=eu topic=orders messages=1 size=20KB
advance to 1s
expect 1s LargeMessage{topic=orders} firing

case a small one
at 0s: op=send cluster=eu topic=orders messages=1 size=200
advance to 1s
expect no LargeMessage
`

// wrongTest brings a rule that fires earlier than it expects.
const wrongTest = `case fires at 5s
pane 3s
at 0s: topic=orders messages=9
advance to 3s
expect 5s Large firing
-- rules.yaml --
groups:
  - name: g
    rules:
      - {alert: Large, by: [topic], window: 3s, expr: messages > 1}
`

const wrongPrinted = `FAIL wrong_test.txt:1: fires at 5s
wrong_test.txt:5:8: it does not happen; the nearest differs: at 3s, not 5s
    expect 5s Large firing
           ^
  + 3s Large{topic=orders} firing messages=9
wrong_test.txt: 0 cases passed, 1 failed
`
